/** Userpilot's wire: bulk_identify and background_jobs. Sources: its guide "Bulk Identify/Update Users" and its OpenAPI document. */
import type { Dialect } from '#dialect/dialect';
import { writeError } from './write-error';
import { writeJob } from './write-job';

export const userpilot: Dialect = { name: 'userpilot', writeJob, writeError };
