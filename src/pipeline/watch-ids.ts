/**
 * The ids that validation has seen in a job so far. They are kept in this process between slices, for the last few jobs;
 * what is not there, after a restart or on another worker, is read again from the rows.
 */
import { createRowReader } from './create-row-reader';
import { SeenIds } from './seen-ids';
import { readBatches, type Slice } from './slice';

/** Jobs whose ids are kept. */
const KEPT_JOBS = 8;

interface Watched {
  ids: SeenIds;
  /** The last row that is in it. */
  through: number;
}

const watched = new Map<string, Watched>();

/** @returns the ids of the accepted rows up to the job's cursor; whoever adds to them says so by `keepIds` */
export async function takeIds(slice: Slice): Promise<SeenIds> {
  const { job } = slice;
  const kept = watched.get(job.id);
  watched.delete(job.id);
  if (kept?.through === job.cursor) return kept.ids;
  const ids = new SeenIds();
  const readRow = createRowReader(job);
  const before: Slice = { ...slice, job: { ...job, cursor: 0 } };
  for await (const batch of job.cursor === 0 ? [] : readBatches(before)) {
    for (const { row, line, raw } of batch) {
      if (row > job.cursor) return ids;
      const { id, errors } = readRow(raw, line);
      if (id !== null && errors.length === 0) ids.add(id, row);
    }
  }
  return ids;
}

/** Keeps the ids for the next slice of the job. @param through the last row that is in them */
export function keepIds(jobId: string, ids: SeenIds, through: number): void {
  watched.set(jobId, { ids, through });
  const [oldest] = watched.keys();
  if (watched.size > KEPT_JOBS && oldest !== undefined) watched.delete(oldest);
}
