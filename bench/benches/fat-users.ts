/**
 * A small import upon users of nearly a megabyte each: how long it takes, how late a throttled neighbor's slices are
 * meanwhile with one worker, and how quickly such an import is canceled.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Queryable } from '#store/client';
import type { Bench, Figure } from '../bench';
import { finish, submitFile } from '../import';
import { sendRequest } from '../send-request';
import { type Service, startService } from '../service';

const USERS = 1_000;
const KEYS = 29;
const GOAL_S = 120;
const GOAL_LATE_S = 2;
const GOAL_CANCEL_MS = 1_000;
const FAT_SLUG = 'fat';
const NEIGHBOR_SLUG = 'neighbor';
const POLL_MS = 20;

export const fatUsers: Bench = {
  name: 'fat-users',
  about: `${USERS} users of 0.95 MB, a small key for each of them: time, a neighbor's slices, cancel.`,
  async run({ backend, cpuProfile, progress }) {
    const service = await startService({ backend, cpuProfile, settings: { USERS_PER_MINUTE: '1800' } });
    try {
      const key = await service.addEnvironment(FAT_SLUG);
      const neighbor = await service.addEnvironment(NEIGHBOR_SLUG);
      await service.database.query("UPDATE environments SET users_per_minute = 0 WHERE slug = 'fat'");
      progress(`storing ${USERS} users`);
      await storeFatUsers(service.database);
      progress('importing');
      const beside = await submitFile(service.url, neighbor, rows('beside', 8_000));
      await untilRows(service.database, beside.jobId, 60);
      const lateness = watchLateness(service.database, beside.jobId);
      const import_ = await submitFile(service.url, key, rows('fat', USERS));
      const job = await finish(service.database, import_.jobId);
      if (job.updated !== USERS) throw new Error(`${job.updated} rows were updated.`);
      const lateMs = await lateness.end();
      const seconds = (job.endedAtMs - job.submittedAtMs) / 1000;

      progress('throttled');
      await service.database.query("UPDATE environments SET users_per_minute = NULL WHERE slug = 'fat'");
      const throttledLateness = watchLateness(service.database, beside.jobId);
      const throttled = await submitFile(service.url, key, rows('fat', USERS, 'again'));
      await untilRows(service.database, throttled.jobId, 200);
      const throttledLateMs = await throttledLateness.end();
      await cancel(service, key, throttled.jobId);

      progress('canceling');
      await service.database.query("UPDATE environments SET users_per_minute = 0 WHERE slug = 'fat'");
      const cancels: number[] = [];
      for (let n = 0; n < 5; n++) {
        const { jobId } = await submitFile(service.url, key, rows('fat', USERS, `round${n}`));
        await untilRows(service.database, jobId, 20);
        cancels.push(await cancel(service, key, jobId));
      }
      return figuresOf(seconds, lateMs, throttledLateMs, cancels);
    } finally {
      await service.stop();
    }
  },
};

function figuresOf(seconds: number, lateMs: number, throttledLateMs: number, cancels: number[]): Figure[] {
  const late = (name: string, ms: number): Figure => ({
    name,
    unit: 's',
    samples: [ms / 1000],
    goal: { text: `<= ${GOAL_LATE_S} s`, met: ms <= GOAL_LATE_S * 1000 },
  });
  return [
    {
      name: 'POST to completed, unthrottled',
      unit: 's',
      samples: [seconds],
      goal: { text: `< ${GOAL_S} s`, met: seconds < GOAL_S },
    },
    late("latest slice of a neighbor's throttled import meanwhile", lateMs),
    late('the same beside the import at 1,800 rows a minute', throttledLateMs),
    {
      name: 'POST cancel to 202, in the middle of it',
      unit: 'ms',
      samples: cancels,
      goal: { text: `< ${GOAL_CANCEL_MS} ms`, met: Math.max(...cancels) < GOAL_CANCEL_MS },
    },
  ];
}

/** Half of each value can be compressed, as with texts. */
async function storeFatUsers(database: Queryable): Promise<void> {
  const hundred = `INSERT INTO users (environment_id, user_id, metadata)
    SELECT e.id, 'fat-' || n, (SELECT jsonb_object_agg('key' || k, (
        SELECT string_agg(md5(n || ' ' || k || ' ' || m), '') FROM generate_series(1, 512) m) || repeat('x', 16384))
      FROM generate_series(1, ${KEYS}) k)
    FROM environments e, generate_series($1::int, $1 + 99) n WHERE e.slug = 'fat'`;
  for (let first = 0; first < USERS; first += 100) await database.query(hundred, [first]);
}

function rows(prefix: string, count: number, value = 'new'): Buffer {
  const lines = Array.from(
    { length: count },
    (_, n) => `{"user_id":"${prefix}-${n}","metadata":{"k":"${value}"}}`,
  );
  return Buffer.from(lines.join('\n'));
}

async function doneRows(database: Queryable, jobId: string): Promise<number> {
  const { rows: found } = await database.query<{ done: number }>(
    'SELECT created_rows + updated_rows + unchanged_rows + failed_rows AS done FROM jobs WHERE id = $1',
    [jobId],
  );
  return found[0]?.done ?? 0;
}

async function untilRows(database: Queryable, jobId: string, count: number): Promise<void> {
  while ((await doneRows(database, jobId)) < count) await sleep(POLL_MS);
}

/** Watches how long a job's next slice is overdue at most. */
function watchLateness(database: Queryable, jobId: string): { end(): Promise<number> } {
  let isOver = false;
  let mostMs = 0;
  const watching = (async () => {
    while (!isOver) {
      const { rows: found } = await database.query<{ lateMs: number }>(
        `SELECT (extract(epoch FROM clock_timestamp() - due_at) * 1000)::float8 AS "lateMs"
         FROM jobs WHERE id = $1 AND ended_at IS NULL`,
        [jobId],
      );
      mostMs = Math.max(mostMs, found[0]?.lateMs ?? 0);
      await sleep(POLL_MS);
    }
  })();
  return {
    async end() {
      isOver = true;
      await watching;
      return mostMs;
    },
  };
}

async function cancel(service: Service, key: string, jobId: string): Promise<number> {
  const begunMs = performance.now();
  await sendRequest({
    method: 'POST',
    url: `${service.url}/v1/background_jobs/${jobId}/cancel`,
    authorization: `Token ${key}`,
    contentType: 'application/json',
    body: [],
  });
  return performance.now() - begunMs;
}
