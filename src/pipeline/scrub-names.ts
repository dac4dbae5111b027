/**
 * Names that clients give to things, such as metadata keys and Idempotency-Keys. As a rule they are words that many people
 * share: only what can be nobody else's, such as an e-mail address, is looked for there.
 */
import type { Transaction } from '#store/client';
import type { Erasure } from '#store/erase';
import { readWarnings, scrubIdempotencyKeys, scrubProperties, writeWarnings } from '#store/scrub-keys';
import { TermIndex } from './term-index';

/** A key that must not be told any more is replaced by this. */
const ERASED_PATH = 'erased';

/** Digits of a telephone number. */
const MIN_DIGITS = 6;

function unmistakable(erasures: readonly Erasure[]): TermIndex {
  const all = erasures.flatMap(({ subject, terms }) => [subject, ...terms]);
  return new TermIndex(
    all.filter((term) => term.includes('@') || term.replaceAll(/\D/g, '').length >= MIN_DIGITS),
  );
}

/** Takes such keys out of the warnings of a job. */
export async function scrubWarnings(
  tx: Transaction,
  jobId: string,
  erasures: readonly Erasure[],
): Promise<void> {
  const terms = unmistakable(erasures);
  if (terms.isEmpty) return;
  const warnings = await readWarnings(tx, jobId);
  const isTold = warnings.map(({ path }) => terms.isFoundIn(path));
  if (!isTold.includes(true)) return;
  const kept = warnings.map((warning, n) => (isTold[n] ? { ...warning, path: ERASED_PATH } : warning));
  await writeWarnings(tx, jobId, kept);
}

/** Takes them out of the environment's catalogue of properties and its Idempotency-Keys. */
export async function scrubNames(
  tx: Transaction,
  environmentId: number,
  erasures: readonly Erasure[],
): Promise<void> {
  const terms = unmistakable(erasures);
  if (!terms.isEmpty) await scrubProperties(tx, environmentId, (key) => terms.isFoundIn(key));
  const all = new TermIndex(erasures.flatMap((erasure) => [erasure.subject, ...erasure.terms]));
  await scrubIdempotencyKeys(
    tx,
    environmentId,
    (key) => all.isFoundIn(key),
    (response) => withoutFilename(response, all),
  );
}

/** The answer to an import with another file name, when it holds a term. Otherwise word for word as it was. */
export function withoutFilename(response: string, terms: TermIndex): string {
  const job = JSON.parse(response) as { filename?: unknown };
  if (typeof job.filename !== 'string' || !terms.isFoundIn(job.filename)) return response;
  return JSON.stringify({ ...job, filename: 'erased' });
}
