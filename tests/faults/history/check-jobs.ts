/** What must be true of jobs: each is explained by a call, has ended as it may end, and counts what its results hold. */
import type { Violation } from './check-history';
import type { Call, FinalJob } from './history';
import { groupImports, type ImportAttempts, WRITTEN } from './writes';

export type Report = (kind: Violation['kind'], text: string, id?: string) => void;

export function checkJobs(calls: readonly Call[], jobs: readonly FinalJob[], report: Report): void {
  const imports = groupImports(calls);
  const byId = new Map(jobs.map((job) => [job.jobId, job]));
  for (const [file, attempts] of imports) checkAccepted(file, attempts, jobs, report);
  checkAnsweredRetries(calls, byId, report);
  for (const job of jobs) {
    const attempts = imports.get(job.file);
    if (attempts === undefined) {
      report('unexpected', `Job ${job.jobId} is of a file that nobody has sent.`);
      continue;
    }
    checkEnd(job, calls, report);
    checkCounts(job, report);
    const others = jobs.filter((other) => other.file === job.file && other.jobId !== job.jobId);
    checkOutcomes(job, attempts, others, calls, report);
    if (job.parentJobId !== null) checkRetry(job, byId.get(job.parentJobId), calls, report);
  }
}

/** One job for an import that was accepted, none for one that was refused, at most one when nobody knows. */
function checkAccepted(
  file: string,
  { jobIds, isUnknown }: ImportAttempts,
  jobs: readonly FinalJob[],
  report: Report,
): void {
  if (jobIds.size > 1) report('doubled', `${file} was accepted as ${jobIds.size} jobs.`);
  const made = jobs.filter((job) => job.file === file && job.parentJobId === null);
  for (const jobId of jobIds) {
    if (!made.some((job) => job.jobId === jobId))
      report('lost', `Job ${jobId} of ${file} was accepted and is gone.`);
  }
  const allowed = Math.max(jobIds.size, isUnknown ? 1 : 0);
  if (made.length > allowed) report('unexpected', `${file} has ${made.length} jobs where ${allowed} may be.`);
}

function checkAnsweredRetries(
  calls: readonly Call[],
  byId: ReadonlyMap<string, FinalJob>,
  report: Report,
): void {
  for (const call of calls) {
    if (call.operation !== 'retry' || call.answer === 'unknown' || call.answer.status !== 202) continue;
    const child = byId.get(call.answer.jobId ?? '');
    if (child === undefined) report('lost', `Retry ${call.answer.jobId} was accepted and is gone.`);
    else if (child.parentJobId !== call.arguments.jobId)
      report('retry', `Job ${child.jobId} has another parent.`);
  }
}

/** It has ended, and as `canceled` exactly when somebody has canceled it. */
function checkEnd(job: FinalJob, calls: readonly Call[], report: Report): void {
  const { jobId, status, errorCode, endedAt, completedRows, totalRows } = job;
  if (endedAt === null || !['completed', 'failed'].includes(status)) {
    report('not final', `Job ${jobId} is ${status}.`);
    return;
  }
  const cancels = calls.filter((call) => call.operation === 'cancel' && call.arguments.jobId === jobId);
  const granted = cancels.find(({ answer }) => answer !== 'unknown' && answer.status === 202);
  const isCanceled = errorCode === 'canceled';
  if (isCanceled && granted === undefined && !cancels.some(({ answer }) => answer === 'unknown')) {
    report('cancel', `Job ${jobId} was canceled by nobody.`);
  }
  if (granted !== undefined) checkCanceled(job, granted, calls, report);
  if (isCanceled) return;
  if (completedRows !== totalRows)
    report('lost', `Job ${jobId} has ended with ${completedRows} of ${totalRows} rows.`);
  if (status === 'failed' && job.counts.failed !== totalRows) {
    report('lost', `Job ${jobId} has failed (${errorCode}), though not all of its rows have.`);
  }
}

/** After the answer to a cancel nothing of the job changes. */
function checkCanceled(job: FinalJob, granted: Call, calls: readonly Call[], report: Report): void {
  if (job.errorCode !== 'canceled')
    report('cancel', `Job ${job.jobId} went on after its cancel was answered.`);
  for (const call of calls) {
    if (call.operation !== 'job' || call.arguments.jobId !== job.jobId || call.answer === 'unknown') continue;
    const { completedRows } = call.answer;
    if (call.invokedAt < granted.completedAt || completedRows === undefined) continue;
    if (completedRows !== job.completedRows) {
      report(
        'cancel',
        `Job ${job.jobId} had ${completedRows} rows after its cancel and has ${job.completedRows} now.`,
      );
    }
  }
}

/** A result for each row, and the counts are those of the results. */
function checkCounts(job: FinalJob, report: Report): void {
  const { jobId, results, totalRows, completedRows, counts } = job;
  if (results.length !== totalRows)
    report('counts', `Job ${jobId} has ${results.length} results for ${totalRows} rows.`);
  const lines = new Set(results.map(({ line }) => line));
  if (lines.size !== results.length) report('doubled', `Job ${jobId} has two results for one line.`);
  for (const [outcome, count] of Object.entries(counts)) {
    const found = results.filter((result) => result.outcome === outcome).length;
    if (found !== count)
      report('counts', `Job ${jobId} counts ${count} rows as ${outcome}; its results have ${found}.`);
  }
  const sum = Object.values(counts).reduce((total, count) => total + count, 0);
  if (sum !== completedRows) report('counts', `Job ${jobId} counts ${completedRows} rows, in parts ${sum}.`);
}

/**
 * Rows fail exactly when they are wrong, have the id that was sent, and are found to be there already only when a retry of
 * the same rows has written them.
 * @param others jobs of the same file
 */
function checkOutcomes(
  job: FinalJob,
  { calls: [first] }: ImportAttempts,
  others: readonly FinalJob[],
  calls: readonly Call[],
  report: Report,
): void {
  const writtenElsewhere = new Set(
    others.flatMap(({ results }) =>
      results.filter(({ outcome }) => WRITTEN.includes(outcome)).map(({ line }) => line),
    ),
  );
  for (const { line, id, outcome, erased } of job.results) {
    const row = first?.arguments.rows[line - 1];
    const where = `line ${line} of ${job.file}, job ${job.jobId}`;
    if (row === undefined) report('unexpected', `There is no ${where}.`);
    else if (erased) {
      const isErased = (call: Call) =>
        call.operation === 'erase' && call.arguments.ids.includes(row.id ?? '');
      if (!calls.some(isErased)) report('lost', `Nobody has erased the user of ${where}.`, row.id ?? '');
    } else if (row.id === null) {
      if (WRITTEN.includes(outcome)) report('unexpected', `A row that is wrong was written: ${where}.`);
    } else {
      if (outcome === 'failed') report('lost', `A row that is right has failed: ${where}.`, row.id);
      if (outcome === 'unchanged' && !writtenElsewhere.has(line)) {
        report('doubled', `Found unchanged, but nothing has written it before: ${where}.`, row.id);
      }
      if (id !== null && id !== row.id) report('unexpected', `Another id than was sent: ${where}.`, row.id);
    }
  }
}

/** A retry was asked for, and has rows that its parent has not written, each once. */
function checkRetry(
  job: FinalJob,
  parent: FinalJob | undefined,
  calls: readonly Call[],
  report: Report,
): void {
  const asked = calls.filter(
    ({ operation, arguments: about, answer }) =>
      operation === 'retry' &&
      'jobId' in about &&
      about.jobId === job.parentJobId &&
      isGrantOf(answer, job.jobId),
  );
  if (asked.length === 0) report('unexpected', `Nobody has asked for job ${job.jobId}, a retry.`);
  if (parent === undefined) {
    report('retry', `Job ${job.jobId} has no parent.`);
    return;
  }
  const outcomes = new Map(parent.results.map(({ line, outcome }) => [line, outcome]));
  for (const { line } of job.results) {
    const outcome = outcomes.get(line) ?? 'not there';
    if (!['failed', 'unprocessed'].includes(outcome)) {
      report('retry', `Job ${job.jobId} tries line ${line} again, which is ${outcome} in its parent.`);
    }
  }
}

function isGrantOf(answer: Call['answer'], jobId: string): boolean {
  return answer === 'unknown' || (answer.status === 202 && answer.jobId === jobId);
}
