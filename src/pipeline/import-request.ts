/** What a request for an import asks for, beside its rows. */
import type { Entity } from '#job/entity';
import type { ImportOptions, ReadingOptions } from '#job/options';
import type { SlotRequest } from './slot';

export interface ImportRequest extends ImportOptions, ReadingOptions, SlotRequest {
  entity: Entity;
  requestId: string;
}
