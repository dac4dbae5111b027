/**
 * Composes a case from its seed and number: what is sent, and what is known about how it must end. Pure: the same two
 * numbers always make the same bytes.
 */
import type { Entity } from '#job/entity';
import type { Limits } from '../predict';
import type { Case, Composed, Maker } from './case';
import { expecting, pipelined } from './converse';
import {
  aborted,
  editedHead,
  formBytes,
  framingToRefuse,
  gzipBomb,
  gzipBytes,
  oddForm,
  oddFraming,
  wireBytes,
} from './damage';
import { frame, withLength } from './frame';
import { makeRows, writeJson } from './generate';
import { keyOf, type Random, randomOf } from './random';
import { inCsv } from './tabulate';
import { expectImport, inForm, inGzip, inJson, inLines, post, someRows, type Wrap } from './wrap';

/** Every kind of case with its weight. */
const KINDS: readonly (readonly [weight: number, kind: string, make: (maker: Maker) => Composed])[] = [
  [14, 'rows in a form', (maker) => imported(maker, inForm)],
  [14, 'rows in JSON', (maker) => imported(maker, inJson)],
  [6, 'rows in gzip', (maker) => imported(maker, inGzip)],
  [6, 'rows in lines', (maker) => imported(maker, inLines)],
  [8, 'CSV', inCsv],
  [5, 'large body', (maker) => imported(maker, maker.random.pick([inForm, inJson, inGzip, inLines]), true)],
  [10, 'odd form', oddForm],
  [8, 'form bytes', formBytes],
  [4, 'gzip bytes', gzipBytes],
  [1, 'gzip bomb', gzipBomb],
  [10, 'head', editedHead],
  [8, 'framing to refuse', framingToRefuse],
  [8, 'odd framing', oddFraming],
  [10, 'wire bytes', wireBytes],
  [12, 'aborted', aborted],
  [5, 'pipelined', pipelined],
  [4, 'expect', expecting],
];

/** The names of all kinds. */
export const KIND_NAMES: readonly string[] = KINDS.map(([, kind]) => kind);

/** The case of this number. */
export function composeCase(seed: number, number: number, limits: Limits): Case {
  const random = randomOf(seed, number);
  const entity: Entity = random.chance(0.8) ? 'user' : 'company';
  const maker: Maker = { random, number, entity, key: keyOf(seed, number), limits };
  const [kind, make] = random.weighted(KINDS.map(([weight, name, make]) => [weight, [name, make] as const]));
  const prelude = random.chance(0.15) ? makePrelude(maker) : undefined;
  const { wire, payload, statuses, mutations, refusals, informational, ...transmission } = make(maker);
  return {
    ...{ number, kind, entity, key: maker.key, prelude },
    ...{ mutations, payload, statuses, refusals, informational },
    transmission: { wire, writes: chooseWrites(random, wire), answers: 1, mayStarve: false, ...transmission },
  };
}

function makePrelude(maker: Maker): Case['prelude'] {
  const { random, entity, number } = maker;
  const payload = writeJson(random, makeRows(random, entity, number, 1 + random.whole(12)), entity);
  return { wire: withLength({ ...post(maker, 'application/json'), body: payload.bytes }), payload };
}

/** Sizes of the writes: at once, in pieces, or byte by byte where that is not too long. */
function chooseWrites(random: Random, wire: Buffer): number[] {
  return random.weighted([
    [6, () => [wire.length]],
    [2, () => [1 + random.whole(wire.length), 1 + random.whole(wire.length)]],
    [1, () => [wire.length < 3_000 ? 1 : 65_536]],
  ])();
}

function countMutations(random: Random): number {
  return random.chance(0.3) ? 0 : 1 + random.whole(6);
}

/** A sound request whose rows may be damaged: its answer is known. */
function imported(maker: Maker, wrap: Wrap, isLarge = false): Composed {
  const { random, entity, number, limits } = maker;
  const mutations = countMutations(random);
  const rows = isLarge
    ? makeRows(random, entity, number, 1 + random.whole(limits.maxRows), 6_000 + random.whole(25_000))
    : someRows(maker);
  const { message, payload, sound } = wrap(maker, rows, mutations);
  const wire = frame(random, message);
  return { wire, mutations, ...expectImport(maker, payload, sound) };
}
