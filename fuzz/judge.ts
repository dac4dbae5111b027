/**
 * Runs one case against the service and finds whatever is wrong with what it left: jobs, rows, users, the slot. The
 * environment is the case's own, so nothing that another case does can be seen here.
 */
import type { Queryable } from '#store/client';
import type { Case } from './cases/case';
import { validRequest } from './cases/wrap';
import {
  findEnvironment,
  readJobs,
  readProfiles,
  type SeenJob,
  type Traces,
  waitForTraces,
  waitForTrue,
} from './look';
import { isOfNoRequest, judgeAnswers } from './oracle';
import {
  applyRows,
  type Limits,
  type Profiles,
  predictRefusals,
  type RowOutcome,
  sameEntries,
} from './predict';
import { type Received, send } from './send';

const FINISHED_WITHIN_MS = 20_000;
/** What a client that went away has left must be gone within this time. */
const GONE_WITHIN_MS = 5_000;
const HEALTHY_WITHIN_MS = 1_000;

/** Where cases are run. */
export interface Target {
  url: string;
  database: Queryable;
  limits: Limits;
  addEnvironment(slug: string, key: string): Promise<unknown>;
}

export interface Verdict {
  violations: string[];
  received: Received;
  /** For the table: the status of the last answer, or what came instead of one. */
  outcome: string;
}

/** Sends a case and judges it. @throws Error when the service or its database is gone */
export async function runCase(one: Case, target: Target): Promise<Verdict> {
  const { url, database: db, limits } = target;
  await target.addEnvironment(`case-${one.number}`, one.key);
  const environmentId = await findEnvironment(db, one.key);
  const violations: string[] = [];
  const profiles: Profiles = new Map();
  if (one.prelude !== undefined) {
    violations.push(...(await importPlainly(url, one.prelude.wire)));
    applyRows(one.prelude.payload, one.entity, profiles);
    await waitForTraces(db, environmentId, isIdle, FINISHED_WITHIN_MS);
  }
  const received = await send(url, one.transmission);
  violations.push(...judgeAnswers(one, received), ...(await judgeHealth(url)));
  const mayLag = one.transmission.leave !== undefined || received.starved || received.answers.length === 0;
  const left = await waitForTraces(db, environmentId, isClean, mayLag ? GONE_WITHIN_MS : 0);
  violations.push(...judgeTraces(one, received, left));
  const jobs = await readFinishedJobs(db, environmentId);
  violations.push(...jobs.flatMap(judgeJob));
  const imported = jobs[one.prelude === undefined ? 0 : 1];
  if (one.payload !== undefined && imported?.isFinal) {
    violations.push(...judgeImport(one, imported, profiles, limits));
    violations.push(...judgeProfiles(profiles, await readProfiles(db, environmentId, one.entity)));
  }
  // The request of a client that left may still be at work when all looks clean.
  const next = validRequest(one, ['slot-is-free']);
  violations.push(...(await importPlainly(url, next, mayLag ? GONE_WITHIN_MS : 0)));
  return { violations, received, outcome: outcomeOf(one, received) };
}

/** All jobs, finished; one that has only just been made for a client that left is waited for too. */
async function readFinishedJobs(db: Queryable, environmentId: number): Promise<SeenJob[]> {
  let jobs: SeenJob[] = [];
  await waitForTrue(async () => {
    await waitForTraces(db, environmentId, isIdle, FINISHED_WITHIN_MS);
    jobs = await readJobs(db, environmentId);
    return jobs.every(({ isFinal }) => isFinal);
  }, FINISHED_WITHIN_MS);
  return jobs;
}

function isClean({ uploads, orphans }: Traces): boolean {
  return uploads === 0 && orphans === 0;
}

function isIdle({ running }: Traces): boolean {
  return running === 0;
}

function outcomeOf({ transmission }: Case, { answers }: Received): string {
  const last = answers.at(-1);
  if (transmission.leave !== undefined) return 'left';
  if (last === undefined) return 'closed';
  return isOfNoRequest(last) ? `${last.status} of no request` : String(last.status);
}

/** A valid import must be taken in, at once or within this time. */
async function importPlainly(url: string, wire: Buffer, withinMs = 0): Promise<string[]> {
  let status: number | undefined;
  const isTaken = await waitForTrue(async () => {
    const { answers } = await send(url, { wire, writes: [wire.length], answers: 1, mayStarve: false });
    status = answers[0]?.status;
    return status === 202;
  }, withinMs);
  return isTaken ? [] : [`slot taken: a valid import was answered with ${status ?? 'nothing'}`];
}

async function judgeHealth(url: string): Promise<string[]> {
  const begun = performance.now();
  const wire = Buffer.from('GET /healthz HTTP/1.1\r\nHost: muster.test\r\nConnection: close\r\n\r\n');
  const { answers } = await send(url, { wire, writes: [wire.length], answers: 1, mayStarve: false });
  const tookMs = performance.now() - begun;
  if (answers[0]?.status !== 200) return ['not alive: /healthz does not answer 200'];
  return tookMs > HEALTHY_WITHIN_MS ? [`not alive: /healthz took ${Math.round(tookMs)} ms`] : [];
}

/** A refusal leaves nothing; an acceptance leaves one job; a client that left, or never heard, either of the two. */
function judgeTraces(one: Case, { answers, starved }: Received, traces: Traces): string[] {
  const found: string[] = [];
  if (traces.uploads > 0) found.push(`remains: ${traces.uploads} entries in uploads`);
  if (traces.orphans > 0) found.push(`remains: ${traces.orphans} staged rows without a job`);
  const accepted = answers.filter(({ status }) => status === 202).length;
  const jobs = traces.jobs - (one.prelude === undefined ? 0 : 1);
  const isUnheard = one.transmission.leave !== undefined || starved || answers.length === 0;
  const isDue = isUnheard ? jobs >= accepted && jobs <= Math.max(1, accepted) : jobs === accepted;
  if (!isDue) found.push(`wrong number of jobs: ${jobs} for ${accepted} answers 202`);
  return found;
}

/** The promises that hold for every job, whatever its rows were. */
function judgeJob(job: SeenJob): string[] {
  const { total, created, updated, unchanged, failed, staged, results, status, filename } = job;
  if (!job.isFinal) return [`never ends: a job is ${status} after ${FINISHED_WITHIN_MS} ms`];
  const found: string[] = [];
  const count = (outcome: RowOutcome) => results.filter((result) => result.outcome === outcome).length;
  if (total !== created + updated + unchanged + failed)
    found.push('miscounted: the counters do not add up to total');
  if (staged !== total) found.push(`miscounted: ${staged} staged rows of ${total}`);
  if (results.length !== total || results.some(({ row }, at) => row !== at + 1)) {
    found.push('miscounted: there is not one result for each row');
  }
  const counted = [count('created'), count('updated'), count('unchanged'), count('failed')];
  if (String(counted) !== String([created, updated, unchanged, failed])) {
    found.push('miscounted: the counters are not those of the results');
  }
  if (status !== (failed === total ? 'failed' : 'completed'))
    found.push(`wrong end: ${status}, ${job.errorCode}`);
  if (job.errorCode === 'internal') found.push('wrong end: a fault of the service ended the job');
  if (/[\p{Cc}/\\]/u.test(filename) || filename.length > 255) found.push('unsafe file name');
  return found;
}

/** Each row came to what the contract says. Applies the rows to the profiles. */
function judgeImport(one: Case, job: SeenJob, profiles: Profiles, limits: Limits): string[] {
  const payload = one.payload;
  if (payload === undefined) return [];
  const refusals = predictRefusals(payload, one.entity, limits);
  if (refusals.length > 0) return [`wrongly accepted: ${refusals.join(' or ')} was due`];
  const due = applyRows(payload, one.entity, profiles);
  const seen = job.results.map(({ outcome }) => outcome);
  if (String(due) === String(seen)) return [];
  const at = due.findIndex((outcome, row) => outcome !== seen[row]);
  return [
    `wrong outcome: row ${at + 1} of ${due.length} (${seen.length} stored) is ${seen[at]} where due ${due[at]}`,
  ];
}

function judgeProfiles(due: Profiles, stored: Profiles): string[] {
  const found: string[] = [];
  if (due.size !== stored.size) found.push(`wrong users: ${stored.size} stored where ${due.size} are due`);
  for (const [id, profile] of due) {
    const seen = stored.get(id);
    const isSame =
      seen !== undefined &&
      seen.companyId === profile.companyId &&
      sameEntries(seen.metadata, profile.metadata);
    if (!isSame) found.push(`wrong user: ${JSON.stringify(id)} is not the fold of its rows`);
  }
  return found.slice(0, 3);
}
