/**
 * The story of `muster import`: each file is cut into parts that one job can take; each part is sent, followed to its end
 * and noted before the next one. What is noted lets the import go on after any interruption without a row sent twice.
 */
import { createHash, type Hash } from 'node:crypto';
import { type Client, type ImportOptions, isFinished, type Job, shownStatus } from '#client/index';
import type { Entity } from '#job/entity';
import type { Reading } from '#job/reading';
import type { SettledFile } from '#pipeline/cut/cut-file';
import { CliError } from '../exit-codes';
import { count } from '../show';
import { cutParts } from './cut-parts';
import type { ErrorFile, FailedRow } from './error-file';
import { type Counts, type Journal, type JournalFile, NO_COUNTS } from './journal';
import { type Input, openInput } from './open-input';
import { type PreparedRow, prepareRows } from './prepare-rows';
import type { ImportProgress } from './progress';
import { type InputRow, readRows } from './read-rows';
import { fileOptionsOf, jobOptions } from './request';
import { tellFound } from './tell-found';
import { writePart } from './write-part';

export interface ImportPlan {
  client: Client;
  /** Whether the server is a Muster: a plain Userpilot takes NDJSON only. */
  isMuster: boolean;
  entity: Entity;
  /** Where the import is; for a new one, at its beginning. */
  note: Journal;
  journal: JournalFile;
  errors: ErrorFile | undefined;
  progress: ImportProgress;
  signal: AbortSignal;
}

export interface ImportSummary {
  counts: Counts;
  jobs: number;
  /** The last job with failed rows. */
  failedJob: string | undefined;
  /** Cells of CSVs that were sent as text because they did not fit their column's type, by column. */
  misfits: ReadonlyMap<string, number>;
}

/** @throws CliError; MusterError; the signal's reason; what reading or writing files throws */
export async function importFiles(plan: ImportPlan): Promise<ImportSummary> {
  const { note, journal } = plan;
  const misfits = new Map<string, number>();
  for (const [index, file] of note.request.files.entries()) {
    if (index < note.file.index) continue;
    if (index > note.file.index) note.file = { index, rows: 0, digest: '' };
    const ofFile = await importFile(file, plan);
    for (const [column, cells] of ofFile) misfits.set(column, (misfits.get(column) ?? 0) + cells);
  }
  journal.remove();
  const { counts, parts, failedJob } = note.done;
  return { counts, jobs: parts, failedJob, misfits };
}

/** @returns the cells that were sent as text, by column */
async function importFile(file: string, plan: ImportPlan): Promise<ReadonlyMap<string, number>> {
  const { entity, note, progress } = plan;
  const { request } = note;
  const input = await openInput(file, request);
  const rows = readRows(input, entity, fileOptionsOf(request));
  const digest = createHash('sha256');
  const same = { ...rows, batches: requireSameRows(rows.batches, note, digest) };
  const tell = (found: SettledFile) => {
    for (const sentence of tellFound(found)) progress.note(sentence);
  };
  const prepared = prepareRows(same, entity, tell, note.file.types);
  const limits = { rows: request.batchRows, bytes: request.batchBytes };
  for await (const part of cutParts(prepared.batches, limits, note.file.rows)) {
    for (const { input: row } of part) addRow(digest, row);
    const digestSoFar = digest.copy().digest('hex');
    progress.beginPart(note.done.parts + 1, note.file.index, input.bytesRead());
    await importPart(part, digestSoFar, { input, header: rows.header(), reading: prepared.reading() }, plan);
    note.file.types = prepared.types();
    note.file.rows = part.at(-1)?.input.row ?? note.file.rows;
    note.file.digest = digestSoFar;
    note.done.parts++;
    delete note.sending;
    plan.journal.write(note);
  }
  return prepared.misfits();
}

/** What a part is of. */
interface PartOrigin {
  input: Input;
  /** Of a table. */
  header: Buffer | undefined;
  reading: Reading;
}

/** Imports a part, adds its counts, and keeps its failed rows. */
async function importPart(
  part: readonly PreparedRow[],
  digest: string,
  { input, header, reading }: PartOrigin,
  plan: ImportPlan,
): Promise<void> {
  const { note, errors } = plan;
  const sendable = part.filter((row) => 'json' in row);
  const failed: FailedRow[] = part
    .filter((row) => 'error' in row)
    .map((row) => ({ input: row.input, id: null, errors: [row.error] }));
  const counts = { ...NO_COUNTS, failed: failed.length };
  if (sendable.length > 0) {
    const table = plan.isMuster && header !== undefined ? { header, reading } : undefined;
    const written = writePart(sendable, input.name, table);
    const job = await runPart(sendable.length, digest, written, plan);
    addTo(counts, countsOf(job, sendable.length));
    // Warnings about IDs: the file alone does not show them.
    for (const { ids, message, rows } of job.warnings ?? [])
      if (ids !== undefined) plan.progress.note(`${message} (${count(rows)} rows)`);
    if (job.failed_rows > 0) {
      note.done.failedJob = job.job_id;
      if (errors !== undefined) failed.push(...(await failedRowsOf(job, sendable, plan)));
    }
  }
  addTo(note.done.counts, counts);
  if (errors === undefined) return;
  failed.sort((a, b) => a.input.row - b.input.row);
  note.errorFile = errors.add(failed, header);
}

/** Sends a part, unless it was sent before, and follows its job to its end. */
async function runPart(
  rows: number,
  digest: string,
  written: ReturnType<typeof writePart>,
  plan: ImportPlan,
): Promise<Job> {
  const { client, journal, note, progress, signal } = plan;
  if (note.sending !== undefined && note.sending.digest !== digest) refuseChange();
  note.sending ??= { attempt: 1, digest };
  if (note.sending.jobId === undefined) {
    journal.write(note);
    progress.say(`sending ${count(rows)} rows`);
    note.sending.jobId = (await send(written, plan)).job_id;
    journal.write(note);
  }
  for await (const job of client.watch(note.sending.jobId, { signal })) {
    progress.update(sum(note.done.counts, countsOf(job, 0)), job);
    if (!isFinished(job)) continue;
    if (job.status === 'completed' || job.error?.code === 'no_rows_applied') return job;
    note.sending = { attempt: note.sending.attempt + 1, digest };
    journal.write(note);
    const how = shownStatus(job) === 'canceled' ? 'was canceled' : 'failed';
    throw new CliError('ended_early', `Job ${job.job_id} ${how}.`);
  }
  throw new Error('a watch ends with a finished job');
}

async function send({ file, options }: ReturnType<typeof writePart>, plan: ImportPlan): Promise<Job> {
  const { client, entity, note, signal } = plan;
  const all: ImportOptions = {
    ...jobOptions(note.request),
    ...options,
    idempotencyKey: `${note.run}-${note.done.parts + 1}-${note.sending?.attempt}`,
    waitForSlot: true,
    signal,
  };
  return entity === 'user' ? client.importUsers(file, all) : client.importCompanies(file, all);
}

async function failedRowsOf(
  job: Job,
  sent: readonly PreparedRow[],
  { client, signal }: ImportPlan,
): Promise<FailedRow[]> {
  const failed: FailedRow[] = [];
  for await (const { row, id, errors } of client.results(job.job_id, { outcome: 'failed', signal })) {
    const input = sent[row - 1]?.input;
    if (input !== undefined) failed.push({ input, id, errors });
  }
  return failed;
}

/** Hands rows on. @throws CliError refused when those that are done are not those that were */
async function* requireSameRows(
  batches: AsyncIterable<InputRow[]>,
  { file: { rows, digest: expected } }: Journal,
  digest: Hash,
): AsyncGenerator<InputRow[], void> {
  let missing = rows;
  for await (const batch of batches) {
    if (missing > 0) {
      for (const row of batch.slice(0, missing)) addRow(digest, row);
      missing = Math.max(0, missing - batch.length);
      if (missing === 0 && digest.copy().digest('hex') !== expected) refuseChange();
    }
    yield batch;
  }
  if (missing > 0) refuseChange();
}

function addRow(digest: Hash, { raw }: InputRow): void {
  digest.update(raw).update('\n');
}

function refuseChange(): never {
  throw new CliError(
    'refused',
    'The rows that were sent are not in the file any more. Begin anew with --restart instead of --resume.',
  );
}

/** @param sent rows of a finished job; of a plain Userpilot nothing more is known */
function countsOf(job: Job, sent: number): Counts {
  if ((job as Partial<Job>).completed_rows === undefined) return { ...NO_COUNTS, untold: sent };
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
