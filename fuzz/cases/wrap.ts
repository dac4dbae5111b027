/** Wraps rows into the requests that import them: a form, a JSON body, a compressed one. Only the rows may be damaged. */
import { gzipSync } from 'node:zlib';
import { ERRORS } from '#errors';
import { ENTITIES } from '#job/entity';
import { isPlainNdjson, type Payload, predictRefusals } from '../predict';
import type { Composed, Maker } from './case';
import { type Headers, type Message, withLength } from './frame';
import { countRows, makeRows, writeFile, writeJson } from './generate';
import { wrapFile } from './multipart';
import { mutateJson } from './mutate';
import type { Random } from './random';

/** A small valid import of the case's environment, such as the one that shows that the slot is free. */
export function validRequest(sender: Sender, ids: readonly string[]): Buffer {
  const rows = ids.map((id) => ({ [ENTITIES[sender.entity].idKey]: id }));
  return withLength({ ...post(sender, 'application/json'), body: Buffer.from(JSON.stringify(rows)) });
}

/** Whose request it is. */
export type Sender = Pick<Maker, 'key' | 'entity' | 'number'>;

/** A POST to bulk_identify, without a body. Its request id leads from the log of the product to the case. */
export function post({ key, entity, number }: Sender, type: string, ...more: [string, string][]): Message {
  const headers: Headers = [
    ['Host', 'muster.test'],
    ['Authorization', `Token ${key}`],
    ['Content-Type', type],
    ['Accept', '*/*'],
    ['X-Request-Id', `case-${number}`],
    ...more,
  ];
  const target = `/v1/${ENTITIES[entity].collection}/bulk_identify`;
  return { method: 'POST', target, headers, body: Buffer.alloc(0) };
}

export interface Body {
  message: Message;
  payload: Payload;
  sound: boolean;
}

export type Wrap = (maker: Maker, rows: readonly string[], mutations: number) => Body;

function mutated(random: Random, payload: Payload, mutations: number): Payload {
  let { bytes } = payload;
  for (let n = 0; n < mutations; n++) bytes = mutateJson(random, bytes);
  return { ...payload, bytes };
}

export function inForm(maker: Maker, rows: readonly string[], mutations: number): Body {
  const { random } = maker;
  const payload = mutated(random, writeFile(random, rows), mutations);
  const { type, body, sound } = wrapFile(random, payload.bytes);
  return { message: { ...post(maker, type), body }, payload, sound };
}

export function inJson(maker: Maker, rows: readonly string[], mutations: number): Body {
  const { random, entity } = maker;
  const payload = mutated(random, writeJson(random, rows, entity), mutations);
  const type = random.pick([
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON;charset="UTF-8"',
  ]);
  return { message: { ...post(maker, type), body: payload.bytes }, payload, sound: true };
}

export function inGzip(maker: Maker, rows: readonly string[], mutations: number): Body {
  const { random, entity } = maker;
  const payload = mutated(random, writeJson(random, rows, entity), mutations);
  const half = random.whole(payload.bytes.length + 1);
  const members = random.chance(0.2)
    ? [payload.bytes.subarray(0, half), payload.bytes.subarray(half)]
    : [payload.bytes];
  const body = Buffer.concat(members.map((member) => gzipSync(member, { level: 1 })));
  const message = { ...post(maker, 'application/json', ['Content-Encoding', 'gzip']), body };
  return { message, payload, sound: true };
}

/** As the body itself, compressed or not. */
export function inLines(maker: Maker, rows: readonly string[], mutations: number): Body {
  const { random } = maker;
  const payload = mutated(random, writeFile(random, rows), mutations);
  const type = random.pick([
    'application/x-ndjson',
    'application/jsonl',
    'application/x-ndjson; charset=utf-8',
  ]);
  if (random.chance(0.7)) {
    return { message: { ...post(maker, type), body: payload.bytes }, payload, sound: true };
  }
  const body = gzipSync(payload.bytes, { level: 1 });
  return { message: { ...post(maker, type, ['Content-Encoding', 'gzip']), body }, payload, sound: true };
}

export function anyBody(maker: Maker): Body {
  return maker.random.pick([inForm, inJson, inGzip, inLines])(maker, someRows(maker), 0);
}

export function someRows({ random, entity, number, limits }: Maker): string[] {
  return makeRows(random, entity, number, countRows(random, limits.maxRows));
}

/** How a request for this payload must be answered; nothing is known of one that is not sound. */
export function expectImport(
  { entity, limits }: Maker,
  payload: Payload,
  sound: boolean,
): Pick<Composed, 'payload' | 'statuses' | 'refusals'> {
  if (!sound || !isPlainNdjson(payload)) return { payload: undefined, statuses: undefined };
  const refusals = predictRefusals(payload, entity, limits);
  return {
    payload,
    refusals,
    statuses: [refusals.length > 0 ? refusals.map((code) => ERRORS[code][0]) : [202]],
  };
}
