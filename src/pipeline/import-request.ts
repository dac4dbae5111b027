/** What a request for an import asks for, beside its rows. */
import type { Entity } from '#job/entity';
import type { ImportOptions, ReadingOptions } from '#job/options';
import type { FileOptions } from './cut/cut-file';
import type { SlotRequest } from './slot';

export interface ImportRequest extends ImportOptions, Pick<ReadingOptions, 'nested'>, SlotRequest {
  entity: Entity;
  /** How the file is to be read. */
  file: FileOptions;
  requestId: string;
}
