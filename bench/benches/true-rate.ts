/**
 * Whether the throttle is true at its default: 10,000 users at 1,800 a minute take 333 s, and no minute has more.
 * Commits are timed twice: from outside, by looking at the job every 20 ms, and exactly, by the time that PostgreSQL
 * itself keeps for each transaction (track_commit_timestamp).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Queryable } from '#store/client';
import type { Bench, Figure } from '../bench';
import { type FinishedJob, finish, type Submission, submitFile } from '../import';
import { makeNdjson, ROWS } from '../make-rows';
import { readCommits } from '../read-commits';
import { startService } from '../service';
import { type Commit, fewestFromCommit, fewestInWindow, mostInWindow } from '../windows';

const LIMIT = 1_800;
const WINDOW_MS = 60_000;
const EXPECTED_S = 333;
const LEAST = 0.99 * LIMIT;
const LOOK_EVERY_MS = 20;
const PROGRESS_EVERY_MS = 15_000;

export const trueRate: Bench = {
  name: 'true-rate',
  about: '10,000 rows at the default of 1,800 a minute, commits timed one by one; takes 6 minutes.',
  async run({ backend, cpuProfile, progress }) {
    const service = await startService({
      backend,
      cpuProfile,
      postgresSettings: { track_commit_timestamp: 'on' },
    });
    try {
      const key = await service.addEnvironment();
      const submission = await submitFile(service.url, key, await makeNdjson('small'));
      const seen = await watchCommits(service.database, submission.jobId, progress);
      const clientMs = Date.now() - submission.postedAtMs;
      const job = await finish(service.database, submission.jobId);
      const exact = await readCommits(service.database, submission.jobId);
      return [
        ...durations(submission, job, clientMs),
        ...windows('by commit time', exact, 0),
        // A commit was seen after it happened, by as much as the looks lie apart: windows are that much shorter.
        ...windows('as seen from outside', seen.commits, seen.longestGapMs),
        { name: 'longest time between two looks', unit: 'ms', samples: [seen.longestGapMs] },
      ];
    } finally {
      await service.stop();
    }
  },
};

function durations(submission: Submission, job: FinishedJob, clientMs: number): Figure[] {
  const figure = (name: string, milliseconds: number): Figure => {
    const seconds = milliseconds / 1000;
    const met = Math.abs(seconds - EXPECTED_S) <= EXPECTED_S / 100;
    return { name, unit: 's', samples: [seconds], goal: { text: `${EXPECTED_S} s within 1 %`, met } };
  };
  return [
    figure("submission to completed, by the job's times", job.endedAtMs - job.submittedAtMs),
    figure("POST to completed, by the client's clock", clientMs),
    { name: 'POST to 202', unit: 'ms', samples: [submission.answeredMs] },
  ];
}

/** @param uncertainMs by how much a commit may have been earlier than its time says */
function windows(how: string, commits: readonly Commit[], uncertainMs: number): Figure[] {
  const most = mostInWindow(commits, WINDOW_MS - uncertainMs);
  const fewest = fewestFromCommit(commits, WINDOW_MS + uncertainMs) ?? 0;
  return [
    {
      name: `most rows in any 60 s, ${how}`,
      unit: 'rows',
      samples: [most],
      goal: { text: `<= ${LIMIT}`, met: most <= LIMIT },
    },
    {
      name: `fewest rows in 60 s from a commit on, ${how}`,
      unit: 'rows',
      samples: [fewest],
      goal: { text: `>= ${LEAST}`, met: fewest >= LEAST },
    },
    // Without a goal: where slices are a second apart, a window may begin just after one and end just before another.
    {
      name: `fewest rows in any 60 s, ${how}`,
      unit: 'rows',
      samples: [fewestInWindow(commits, WINDOW_MS + uncertainMs) ?? 0],
    },
  ];
}

/** Looks at the job until its last row is committed and it has ended. */
async function watchCommits(database: Queryable, jobId: string, progress: (words: string) => void) {
  const commits: Commit[] = [];
  const begun = performance.now();
  let [rowsBefore, lookedMs, longestGapMs, toldMs] = [0, 0, 0, begun];
  for (;;) {
    const { rows } = await database.query<{ rows: number; ended: boolean; nowMs: number }>({
      name: 'bench-watch',
      text: `SELECT completed.rows, ended_at IS NOT NULL AS ended,
                    (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS "nowMs"
             FROM jobs, LATERAL (SELECT created_rows + updated_rows + unchanged_rows + failed_rows AS rows) completed
             WHERE id = $1`,
      values: [jobId],
    });
    const [seen] = rows;
    if (seen === undefined) throw new Error(`There is no job ${jobId}.`);
    if (seen.rows > rowsBefore) commits.push({ atMs: seen.nowMs, rows: seen.rows - rowsBefore });
    if (lookedMs > 0) longestGapMs = Math.max(longestGapMs, seen.nowMs - lookedMs);
    [rowsBefore, lookedMs] = [seen.rows, seen.nowMs];
    if (seen.ended) return { commits, longestGapMs };
    if (performance.now() - toldMs > PROGRESS_EVERY_MS) {
      toldMs = performance.now();
      progress(`${seen.rows} of ${ROWS} rows after ${Math.round((toldMs - begun) / 1000)} s`);
    }
    await sleep(LOOK_EVERY_MS);
  }
}
