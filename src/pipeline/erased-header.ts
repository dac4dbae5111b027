/**
 * The header line of a CSV file without those who were erased. As a rule its columns are words that many people share, as
 * metadata keys are. But a header that holds what can be nobody else's, such as an e-mail address, may be a row of data (a
 * file that came without a header): then every column that holds an id or a value of the person goes.
 */
import { writeRecord } from '#file/split-record';
import { ENTITIES, type Entity } from '#job/entity';
import type { Queryable } from '#store/client';
import { type Erasure, findErasures } from '#store/erase';
import { type JobOrigin, readJobOrigin } from '#store/jobs';
import { splitHeader } from './create-row-reader';
import { everyTerm, unmistakable } from './scrub-names';

/** What such a column is called from then on. */
const ERASED_COLUMN = 'erased';

/**
 * The header as it may be kept, with as many columns as before, so that rows are read as before. The columns of ids stay.
 * @param erasures that are about the job
 * @returns the same bytes when nothing is to go
 */
export function withoutErased(
  header: Buffer,
  entity: Entity,
  erasures: readonly Erasure[],
  delimiter: string | undefined,
): Buffer {
  const { idKey, belongsToCompany } = ENTITIES[entity];
  const cells = splitHeader(header, delimiter);
  const told = unmistakable(erasures);
  const isOwn = (cell: string) => cell === idKey || (belongsToCompany && cell === 'company_id');
  if (!cells.some((cell) => !isOwn(cell) && told.isFoundIn(cell))) return header;
  const all = everyTerm(erasures);
  const kept = cells.map((cell) => (!isOwn(cell) && all.isFoundIn(cell) ? ERASED_COLUMN : cell));
  return Buffer.from(writeRecord(kept, delimiter));
}

/** What the rows of a job came in, with the header as it may be shown. */
export async function readShownOrigin(
  db: Queryable,
  job: { id: string; environmentId: number; entity: Entity },
): Promise<JobOrigin> {
  // Before and after: what is scrubbed and forgotten in between has been seen.
  const known = await findErasures(db, job);
  const origin = await readJobOrigin(db, job.environmentId, job.id);
  const { csvHeader, reading } = origin;
  if (csvHeader === null) return origin;
  const newer = await findErasures(db, job, known.at(-1)?.id);
  const erasures = [...known, ...newer];
  if (erasures.length === 0) return origin;
  return { reading, csvHeader: withoutErased(csvHeader, job.entity, erasures, reading.delimiter) };
}
