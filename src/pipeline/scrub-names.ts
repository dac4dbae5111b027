/**
 * Names that clients give to things, such as metadata keys and Idempotency-Keys. As a rule they are words that many people
 * share: only what can be nobody else's, such as an e-mail address, is looked for there.
 */
import type { Queryable, Transaction } from '#store/client';
import { type Erasure, findErasures } from '#store/erase';
import {
  type JobKeys,
  readJobKeys,
  scrubIdempotencyKeys,
  scrubObservations,
  scrubProperties,
  writeJobKeys,
} from '#store/scrub-keys';
import { TermIndex } from './term-index';

/** A key that must not be told any more is replaced by this. */
const ERASED_PATH = 'erased';

/** Digits of a telephone number. */
const MIN_DIGITS = 6;

/** Ids and values that can be nobody else's. */
export function unmistakable(erasures: readonly Erasure[]): TermIndex {
  const all = erasures.flatMap(({ subject, terms }) => [subject, ...terms]);
  return new TermIndex(
    all.filter((term) => term.includes('@') || term.replaceAll(/\D/g, '').length >= MIN_DIGITS),
  );
}

/** All ids and values. */
export function everyTerm(erasures: readonly Erasure[]): TermIndex {
  return new TermIndex(erasures.flatMap(({ subject, terms }) => [subject, ...terms]));
}

/**
 * Takes such keys out of what a job has seen and warns of. Locks the job only when there are any.
 * @returns whether there were
 */
export async function scrubJobKeys(
  tx: Transaction,
  jobId: string,
  erasures: readonly Erasure[],
): Promise<boolean> {
  const terms = unmistakable(erasures);
  if (terms.isEmpty) return false;
  const isObserved = await scrubObservations(tx, jobId, (key) => terms.isFoundIn(key));
  const seen = await readJobKeys(tx, jobId, false);
  if (seen === undefined || !removeKeys(seen, terms)) return isObserved;
  const keys = await readJobKeys(tx, jobId, true);
  if (keys !== undefined && removeKeys(keys, terms)) await writeJobKeys(tx, jobId, keys);
  return true;
}

function removeKeys({ warnings, observations }: JobKeys, terms: TermIndex): boolean {
  let isChanged = false;
  for (const warning of warnings) {
    if (!terms.isFoundIn(warning.path)) continue;
    warning.path = ERASED_PATH;
    isChanged = true;
  }
  for (const seen of [observations.properties, observations.ignoredKeys, observations.droppedKeys]) {
    for (const key of seen.keys()) if (terms.isFoundIn(key) && seen.delete(key)) isChanged = true;
  }
  return isChanged;
}

/** Takes them out of the environment's catalogue of properties and its Idempotency-Keys. */
export async function scrubNames(
  tx: Transaction,
  environmentId: number,
  erasures: readonly Erasure[],
): Promise<void> {
  const terms = unmistakable(erasures);
  if (!terms.isEmpty) await scrubProperties(tx, environmentId, (key) => terms.isFoundIn(key));
  const all = everyTerm(erasures);
  await scrubIdempotencyKeys(
    tx,
    environmentId,
    (key) => all.isFoundIn(key),
    (response) => withoutFilename(response, all),
  );
}

/** The answer to an import as it may be given again. */
export async function showResponse(
  db: Queryable,
  environmentId: number,
  { jobId: id, response }: { jobId: string; response: string },
): Promise<string> {
  // Those of this kind and of users: all there are.
  const erasures = await findErasures(db, { id, environmentId, entity: 'company' });
  return erasures.length === 0 ? response : withoutFilename(response, everyTerm(erasures));
}

/** With another file name, when it holds a term; otherwise word for word as it was. */
function withoutFilename(response: string, terms: TermIndex): string {
  const job = JSON.parse(response) as { filename?: unknown };
  if (typeof job.filename !== 'string' || !terms.isFoundIn(job.filename)) return response;
  return JSON.stringify({ ...job, filename: 'erased' });
}
