/** What a case is: the words that those who compose, send and judge it have in common. */
import type { ErrorCode } from '#errors';
import type { Entity } from '#job/entity';
import type { Limits, Payload } from '../predict';
import type { Transmission } from '../send';
import type { Random } from './random';

export interface Case {
  number: number;
  kind: string;
  entity: Entity;
  key: string;
  mutations: number;
  /** A valid request whose import is finished before the case begins, with its rows. */
  prelude: { wire: Buffer; payload: Payload } | undefined;
  transmission: Transmission;
  /** The rows that are imported when one request is accepted; undefined where damage makes that uncertain. */
  payload: Payload | undefined;
  /** Allowed statuses, answer by answer; undefined = any that a client's fault may have. */
  statuses: readonly (readonly number[])[] | undefined;
  /** When the answer is a refusal, its code is one of these; undefined = any. */
  refusals: readonly ErrorCode[] | undefined;
  /** How many 100 Continue are due; undefined = any. */
  informational: number | undefined;
}

/** X-Request-Id of what must never be answered. */
export const SMUGGLED_ID = 'fuzz-smuggled';

/** What the kinds of cases are made from. */
export interface Maker {
  random: Random;
  number: number;
  entity: Entity;
  key: string;
  limits: Limits;
}

/** What a kind of case makes; the rest of the case is the same for all kinds. */
export type Composed = Pick<Case, 'payload' | 'statuses' | 'mutations'> &
  Partial<Pick<Case, 'informational' | 'refusals'>> & { wire: Buffer } & Partial<Transmission>;
