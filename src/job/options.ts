/** How an import treats what is stored already. Chosen by the client for each import, kept with its job. */
import type { Entity } from './entity';
import type { Reading } from './reading';

export const METADATA_MODES = ['merge', 'replace'] as const;

/** merge: RFC 7396, keys that are not sent stay. replace: the metadata becomes what is sent. */
export type MetadataMode = (typeof METADATA_MODES)[number];

export const EXISTING_MODES = ['upsert', 'create_only', 'update_only'] as const;

/** create_only refuses rows whose id is stored already, update_only those whose id is not. */
export type ExistingMode = (typeof EXISTING_MODES)[number];

export const NESTED_MODES = ['reject', 'ignore', 'flatten'] as const;

/**
 * What becomes of an object or array as a metadata value. reject: the row fails. ignore: the key is left out, with a
 * warning. flatten: its members become keys of their own, such as `address.city` and `tags.0`.
 */
export type NestedMode = (typeof NESTED_MODES)[number];

/** How the rows of an import are read. */
export interface ReadingOptions {
  nested: NestedMode;
  reading: Reading;
}

export interface ImportOptions {
  /** Only say what would happen: nothing is written, no slot is taken, the throttle does not hold. */
  dryRun: boolean;
  metadataMode: MetadataMode;
  existingMode: ExistingMode;
}

/** The job that rows belong to, with what it does about stored ones. */
export interface UpsertJob extends ImportOptions {
  id: string;
  environmentId: number;
  entity: Entity;
}
