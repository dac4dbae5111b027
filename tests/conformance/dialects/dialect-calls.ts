/**
 * What the conformance suite has to know of a vendor's wire: its calls, and what they answer in each situation. A description
 * is data of the test; `exercise` runs the guarantees.
 */
import type { Entity } from '#job/entity';
import type { Muster, MusterOptions } from '../../support/muster';

/** An answer; the body may hold asymmetric matchers of `expect`. */
export interface Expected {
  status: number;
  body: unknown;
}

/** An example of the vendor's page. */
export interface Example {
  name: string;
  /** Verbatim. */
  body: string;
  expected: Expected;
  /** Ids that are stored then, each with texts that reading it back shows. */
  stored: Readonly<Record<string, readonly string[]>>;
}

/** A body that is refused as a whole. Values that it must not repeat are named CANARY. */
export interface Refused {
  name: string;
  body: string | Uint8Array;
  expected: Expected;
}

/** A body of which a part is stored. */
export interface Partial {
  name: string;
  body: string;
  expected: Expected;
  stored: readonly string[];
  refused: readonly string[];
}

/** One way in that stores users or companies. */
export interface DialectCall {
  /** As in the vendor's reference, such as `POST /v1/identify`. */
  name: string;
  /** @param slug of the environment that is called */
  path(slug: string): string;
  entity: Entity;
  headers?: Readonly<Record<string, string>>;
  /** A body that stores this value for this id. */
  write(id: string, value: string): string;
  /** What that body is answered with. */
  accepted: Expected;
  /** Where the stored value can be read; default: GET of the user or company. */
  readBack?(id: string): string;
  /** Waits until what was accepted is done; for calls that make a job. */
  finish?(muster: Muster, body: unknown, key: string): Promise<unknown>;
  examples: readonly Example[];
  bad: readonly Refused[];
  /** Empty when the vendor's call stores all or nothing. */
  partial: readonly Partial[];
  /** Refused by a service with SMALL_LIMITS. */
  oversized: readonly Refused[];
  /** The service that refuses a call soon after another, and how. */
  throttled: { options: MusterOptions; expected(retryAfterSeconds: number): Expected };
}

/** A vendor's wire. */
export interface DialectDescription {
  name: string;
  /** The headers that carry a key. */
  authenticate(key: string): Readonly<Record<string, string>>;
  /** Of every call alike. */
  refusals: {
    unauthorized: Expected;
    /** A key that may only read. */
    forbidden: Expected;
    /** A key of another environment; undefined when the path names no environment: the key alone says which it is. */
    otherEnvironment?: Expected;
    /** A slug of no environment; undefined when the path names none. */
    unknownEnvironment?(slug: string): Expected;
    invalidJson: Expected;
    unsupportedMediaType: Expected;
    methodNotAllowed: Expected;
    unavailable: Expected;
  };
  calls: readonly DialectCall[];
  /** Installs in the key's environment what the calls need there. */
  prepare?(muster: Muster, key: string): Promise<void>;
}

/** In bodies that are refused: no answer may repeat it. */
export const CANARY = 'canary-5d1c';

/** Of the service that gets the oversized bodies. */
export const SMALL_LIMITS = { maxRows: 20, maxBytes: 1024 * 1024 } as const;
