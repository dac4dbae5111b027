/** Userpilot's wire: bulk_identify and background_jobs. Sources: its guide "Bulk Identify/Update Users" and its OpenAPI document. */
import type { Dialect } from '#dialect/dialect';
import { readJobId } from './read-job-id';
import { readStatus, WIRE_STATUSES } from './status';
import { writeError } from './write-error';
import { writeJob } from './write-job';

export const userpilot: Dialect = {
  name: 'userpilot',
  statuses: WIRE_STATUSES,
  readStatus,
  readJobId,
  writeJob,
  writeError,
};
