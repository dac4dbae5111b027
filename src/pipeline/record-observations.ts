/** Writes what a slice of the validation saw to the tables that keep it for the refresh. */
import type { Observations } from '#job/observations';
import type { Transaction } from '#store/client';
import type { LockedJob, Progress } from '#store/move-job';
import { recordIgnoredKeys, recordOverflow, recordProperties } from '#store/observations';

type Recorded = Required<Pick<Progress, 'observedKeys' | 'ignoredKeys'>>;

/** Returns how many keys are new, which belongs to the job's progress. */
export async function recordObservations(
  tx: Transaction,
  job: LockedJob,
  seen: Observations,
): Promise<Recorded> {
  const properties = await recordProperties(tx, job, seen.properties, job.observedKeys);
  const ignored = await recordIgnoredKeys(tx, job, seen.ignoredKeys, job.ignoredKeys);
  const dropped = await recordIgnoredKeys(
    tx,
    job,
    new Map([...seen.droppedKeys].map(([key, rows]) => [`metadata.${key}`, rows])),
    job.ignoredKeys + ignored.added,
    'nested_value_ignored',
  );
  const overflow = seen.overflow + properties.overflow + ignored.overflow + dropped.overflow;
  await recordOverflow(tx, job, overflow);
  return { observedKeys: properties.added, ignoredKeys: ignored.added + dropped.added };
}

/**
 * Takes over what a worker of an older version has kept in the job itself; the slice that does so says it to advanceJob.
 */
export async function recordOlderObservations(tx: Transaction, job: LockedJob): Promise<Recorded> {
  if (job.olderObservations === undefined) return { observedKeys: 0, ignoredKeys: 0 };
  return recordObservations(tx, job, job.olderObservations);
}
