/** Requests that are odd or broken beyond what can be predicted: they may be refused, they may not do harm. */
import { gzipSync } from 'node:zlib';
import { type Composed, type Maker, SMUGGLED_ID } from './case';
import { editHead } from './edit-head';
import { frame, frameOddly, frameToRefuse, smuggled, writeHead } from './frame';
import { makeRows, writeFile } from './generate';
import { damageForm } from './multipart';
import { mutateWire } from './mutate';
import type { Random } from './random';
import { anyBody, inForm, inGzip, inJson, inLines, post, someRows } from './wrap';

/** Damage beyond what can be predicted: any answer that a client's fault may have. */
function unpredicted(wire: Buffer, mutations = 1): Composed {
  return { wire, payload: undefined, statuses: undefined, mutations };
}

function repeat<T>(random: Random, value: T, change: (value: T) => T): { value: T; times: number } {
  const times = 1 + random.whole(6);
  let changed = value;
  for (let n = 0; n < times; n++) changed = change(changed);
  return { value: changed, times };
}

export function oddForm(maker: Maker): Composed {
  const { random } = maker;
  const { type, body } = damageForm(random, writeFile(random, someRows(maker)).bytes);
  return unpredicted(frame(random, { ...post(maker, type), body }));
}

export function formBytes(maker: Maker): Composed {
  const { random } = maker;
  const { message } = inForm(maker, someRows(maker), 0);
  const { value: body, times } = repeat(random, message.body, (bytes) => mutateWire(random, bytes));
  return unpredicted(frame(random, { ...message, body }), times);
}

export function gzipBytes(maker: Maker): Composed {
  const { random } = maker;
  const { message } = inGzip(maker, someRows(maker), 0);
  const { value: body, times } = repeat(random, message.body, (bytes) => mutateWire(random, bytes));
  return unpredicted(frame(random, { ...message, body }), times);
}

export function gzipBomb(maker: Maker): Composed {
  const { random, limits } = maker;
  const head = Buffer.from(random.pick(['[', '["', '{"users":[{"user_id":"', '[{"a":[[[', ' ', '']));
  const filler = Buffer.alloc(
    limits.maxBytes + random.whole(30_000_000),
    random.pick([' ', 'x', '[', '1', '\n']),
  );
  const body = gzipSync(Buffer.concat([head, filler]), { level: 1 });
  const message = { ...post(maker, 'application/json', ['Content-Encoding', 'gzip']), body };
  return { ...unpredicted(frame(random, message)), statuses: [[400, 413]] };
}

export function editedHead(maker: Maker): Composed {
  const { random } = maker;
  const { value, times } = repeat(random, anyBody(maker).message, (message) => editHead(random, message));
  return { ...unpredicted(frame(random, value), times), mayStarve: true };
}

export function framingToRefuse(maker: Maker): Composed {
  const { random } = maker;
  const { message } = anyBody(maker);
  const tail = smuggled(SMUGGLED_ID);
  const body = random.pick([
    Buffer.concat([message.body, tail]),
    Buffer.concat([Buffer.from('0\r\n\r\n'), tail]),
    Buffer.concat([Buffer.from('5\r\nabcde\r\n0\r\n\r\n'), tail]),
    tail,
  ]);
  const wire = frameToRefuse(random, { ...message, body });
  return { ...unpredicted(wire), statuses: [[400]], mayStarve: true };
}

export function oddFraming(maker: Maker): Composed {
  return { ...unpredicted(frameOddly(maker.random, anyBody(maker).message)), mayStarve: true };
}

export function wireBytes(maker: Maker): Composed {
  const { random } = maker;
  const { message } = anyBody(maker);
  const wire = frame(random, message);
  // Half of the time close to the beginning, where the head is.
  const split = random.chance(0.5) ? Math.min(wire.length, writeHead(message).length) : wire.length;
  const { value, times } = repeat(random, wire.subarray(0, split), (bytes) => mutateWire(random, bytes));
  return { ...unpredicted(Buffer.concat([value, wire.subarray(split)]), times), mayStarve: true };
}

export function aborted(maker: Maker): Composed {
  const { random, entity, number, limits } = maker;
  const rows = random.chance(0.5)
    ? makeRows(random, entity, number, limits.maxRows, 5_000 + random.whole(9_000))
    : someRows(maker);
  const { message, payload, sound } = random.pick([inForm, inJson, inGzip, inLines])(maker, rows, 0);
  const wire = frame(random, message);
  const at = random.chance(0.1) ? wire.length : random.whole(wire.length);
  const leave = { at, how: random.pick(['reset', 'end'] as const), afterMs: random.pick([0, 0, 3, 20, 80]) };
  return { wire, leave, payload: sound ? payload : undefined, statuses: undefined, mutations: 1 };
}
