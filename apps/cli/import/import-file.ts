/**
 * The story of `muster import`: the input is cut into parts that one job can take; each is sent, followed to its end and
 * noted before the next one. What is noted lets the import go on after any interruption without a row sent twice.
 */
import { createHash, type Hash, randomUUID } from 'node:crypto';
import { type Client, type ImportOptions, isFinished, type Job } from '#client/index';
import { ENTITIES, type Entity } from '#job/entity';
import { parseRecord } from '#pipeline/csv-record';
import { CliError } from '../exit-codes';
import { checkPart, type SendableRow } from './check-part';
import { type CsvMapping, CsvRowWriter, inferTypes, planColumns } from './csv-row';
import { cutParts, type Part, type PartLimits } from './cut-parts';
import type { ErrorFile } from './error-file';
import type { Counts, Journal, JournalFile } from './journal';
import type { Input } from './open-input';
import type { ProgressReport } from './progress';
import { type InputRow, readRows } from './read-rows';

export interface ImportPlan {
  client: Client;
  entity: Entity;
  input: Input;
  mapping: CsvMapping;
  limits: PartLimits;
  options: Pick<ImportOptions, 'dryRun' | 'metadata' | 'existing'>;
  journal: JournalFile;
  /** The import that is to go on. */
  resumed: Journal | undefined;
  /** Opens the file for rows that fail. */
  openErrors: ((header: () => Buffer | undefined) => ErrorFile) | undefined;
  progress: ProgressReport;
  signal: AbortSignal;
}

export interface ImportSummary {
  counts: Counts;
  /** Jobs of this run of the program. */
  jobs: string[];
  /** Cells of a CSV that were sent as text because they did not fit their column's type, by column. */
  misfits: ReadonlyMap<string, number>;
}

/** @throws CliError; MusterError; the signal's reason; what reading or writing files throws */
export async function importFile(plan: ImportPlan): Promise<ImportSummary> {
  const { input, entity, journal } = plan;
  const rows = readRows(input, ENTITIES[entity], plan.mapping.idColumn);
  const errors = plan.openErrors?.(rows.header);
  const note: Journal = plan.resumed ?? beginJournal(plan.limits);
  const digest = createHash('sha256');
  const batches = requireSameRows(rows.batches, note, digest);
  const from = { skipped: note.done.rows, first: note.done.parts + 1 };
  const jobs: string[] = [];
  let writer: CsvRowWriter | undefined;
  try {
    for await (const part of cutParts(batches, note.limits, from)) {
      writer ??= csvWriter(rows.header(), part, note, plan);
      const { sendable, refused } = checkPart(part, writer);
      const counts: Counts = { ...NO_COUNTS, failed: refused.length };
      for (const failed of refused) await errors?.add(failed);
      if (sendable.length > 0) {
        const job = await runPart(part, sendable, note, plan);
        jobs.push(job.job_id);
        await collectErrors(job, sendable, errors, plan);
        addTo(counts, countsOf(job, sendable.length));
      }
      for (const { raw } of part.rows) digest.update(raw).update('\n');
      finishPart(note, part, counts, digest, journal);
    }
  } finally {
    await errors?.close();
  }
  journal.remove();
  return { counts: note.done.counts, jobs, misfits: writer?.misfits ?? new Map() };
}

/** Sends a part, unless it was sent before, and follows its job to its end. */
async function runPart(
  part: Part,
  sendable: readonly SendableRow[],
  note: Journal,
  plan: ImportPlan,
): Promise<Job> {
  const { client, journal, progress, signal } = plan;
  const before = note.sending?.part === part.number ? note.sending : undefined;
  const sending = before ?? { part: part.number, attempt: 1 };
  let jobId = before?.jobId;
  if (jobId === undefined) {
    note.sending = sending;
    journal.write(note);
    progress.say(`part ${part.number}: sending ${sendable.length.toLocaleString('en')} rows`);
    jobId = (await send(sendable, `${note.run}-${sending.part}-${sending.attempt}`, plan)).job_id;
    note.sending = { ...sending, jobId };
    journal.write(note);
  }
  for await (const job of client.watch(jobId, { signal })) {
    progress.update({
      share: shareOf(plan.input),
      counts: sum(note.done.counts, countsOf(job, 0)),
      doing: `part ${part.number}: ${job.status}`,
    });
    if (isFinished(job)) return requireDone(job, note, plan);
  }
  throw new Error('a watch ends with a finished job');
}

async function send(
  sendable: readonly SendableRow[],
  idempotencyKey: string,
  plan: ImportPlan,
): Promise<Job> {
  const { client, entity, options, signal, input } = plan;
  const file = new Blob(sendable.flatMap(({ json }) => [json, '\n']));
  const filename = `${input.name.replace(/\.(?:csv|json|ndjson|jsonl)$/i, '')}.ndjson`;
  const given = {
    ...options,
    filename,
    format: 'ndjson',
    idempotencyKey,
    waitForSlot: true,
    signal,
  } as const;
  return entity === 'user' ? client.importUsers(file, given) : client.importCompanies(file, given);
}

/** @throws CliError ended_early for a job that was canceled or broke: the part is sent again when the import is resumed */
function requireDone(job: Job, note: Journal, { journal }: ImportPlan): Job {
  const code = job.error?.code;
  if (job.status === 'completed' || code === 'no_rows_applied') return job;
  const { part = 0, attempt = 1 } = note.sending ?? {};
  note.sending = { part, attempt: attempt + 1 };
  journal.write(note);
  const how = code === 'canceled' ? 'was canceled' : 'failed';
  throw new CliError('ended_early', `Job ${job.job_id} ${how}. --resume sends its part again.`);
}

async function collectErrors(
  job: Job,
  sendable: readonly SendableRow[],
  errors: ErrorFile | undefined,
  { client, signal }: ImportPlan,
): Promise<void> {
  if (errors === undefined || !(job.failed_rows > 0)) return;
  for await (const { row, id, errors: reasons } of client.results(job.job_id, {
    outcome: 'failed',
    signal,
  })) {
    const sent = sendable[row - 1];
    if (sent !== undefined) await errors.add({ input: sent.input, id, errors: reasons });
  }
}

function finishPart(note: Journal, part: Part, counts: Counts, digest: Hash, journal: JournalFile): void {
  addTo(note.done.counts, counts);
  note.done.parts = part.number;
  note.done.rows = part.rows.at(-1)?.row ?? note.done.rows;
  note.done.digest = digest.copy().digest('hex');
  delete note.sending;
  journal.write(note);
}

function beginJournal(limits: PartLimits): Journal {
  return {
    version: 1,
    run: randomUUID(),
    startedAt: new Date().toISOString(),
    limits,
    done: { parts: 0, rows: 0, digest: '', counts: { ...NO_COUNTS } },
  };
}

/** Hands rows on. @throws CliError refused when those that are done are not those that were */
async function* requireSameRows(
  batches: AsyncIterable<InputRow[]>,
  { done }: Journal,
  digest: Hash,
): AsyncGenerator<InputRow[], void> {
  let missing = done.rows;
  for await (const batch of batches) {
    for (const { raw } of batch.slice(0, missing)) digest.update(raw).update('\n');
    const isLast = missing > 0 && batch.length >= missing;
    missing = Math.max(0, missing - batch.length);
    if (isLast && digest.copy().digest('hex') !== done.digest) refuseChange();
    yield batch;
  }
  if (missing > 0) refuseChange();
}

function refuseChange(): never {
  throw new CliError(
    'refused',
    'The rows that were imported are not in the file any more: --restart begins anew.',
  );
}

/** Columns have the types that the rows of the first part gave them, also when the import is resumed. */
function csvWriter(
  header: Buffer | undefined,
  part: Part,
  note: Journal,
  { mapping, entity }: ImportPlan,
): CsvRowWriter | undefined {
  if (header === undefined) return undefined;
  const columns = planColumns(parseRecord(header) ?? [], mapping, ENTITIES[entity]);
  note.types ??= inferTypes(columns, mapping, part);
  return new CsvRowWriter(columns, note.types);
}

function shareOf({ size, bytesRead }: Input): number | undefined {
  return size === undefined || size === 0 ? undefined : Math.min(1, bytesRead() / size);
}

const NO_COUNTS: Counts = { created: 0, updated: 0, unchanged: 0, failed: 0, untold: 0 };

/** @param sent rows of a finished job; of a plain Userpilot nothing more is known */
function countsOf(job: Job, sent: number): Counts {
  const told = (job as Partial<Job>).completed_rows !== undefined;
  if (!told) return { ...NO_COUNTS, untold: sent };
  const {
    created_rows: created,
    updated_rows: updated,
    unchanged_rows: unchanged,
    failed_rows: failed,
  } = job;
  return { created, updated, unchanged, failed, untold: 0 };
}

function sum(a: Counts, b: Counts): Counts {
  const total = { ...a };
  addTo(total, b);
  return total;
}

function addTo(total: Counts, counts: Counts): void {
  for (const key of Object.keys(total) as (keyof Counts)[]) total[key] += counts[key];
}
