/** Dry runs of one environment: two at work, ten in line, and never in the way of an import. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { rescue } from '#apps/worker/rescue';
import { createLogger } from '#logger';
import { ClockWatch } from '#pipeline/clock-watch';
import { BACKENDS, type Muster, startMuster, unique } from '../support/muster';
import { waitFor } from '../support/wait';

const USERS = '/v1/users/bulk_identify';
const DRY = `${USERS}?dry_run=true`;
const ROWS = [{ user_id: 'u1' }, { user_id: 'u2' }];

describe.each(BACKENDS)('dry runs with the queue on %s', (backend) => {
  let muster: Muster;
  beforeAll(async () => {
    muster = await startMuster({ backend, workers: 0, apis: 2 });
  });
  afterAll(() => muster.close());

  const freshKey = async () => (await muster.addEnvironment(unique())).key;
  const dryRuns = async (key: string, times: number) => {
    const ids: string[] = [];
    for (let n = 0; n < times; n++) {
      const { body } = await muster.post(DRY, key).send(ROWS).expect(202);
      ids.push(body.job_id);
    }
    return ids;
  };
  const positions = async (key: string) => {
    const { body } = await muster.get('/v1/background_jobs?limit=100', key).expect(200);
    return (body as { queue_position: number | null }[]).map((job) => job.queue_position).reverse();
  };
  const slotsTaken = async () => {
    const { rows } = await muster.store.pool.query<{ taken: number }>(
      'SELECT count(dry_run_slot)::int AS taken FROM jobs WHERE ended_at IS NULL GROUP BY environment_id',
    );
    return rows.map(({ taken }) => taken);
  };

  it('beyond two wait in line, beyond ten in line are refused until the first has ended, and all of them end', async () => {
    const key = await freshKey();
    const ids = await dryRuns(key, 12);
    expect(await positions(key)).toEqual([null, null, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    const refused = await muster.post(DRY, key).send(ROWS).expect(429);
    expect(refused.body.errors[0]).toMatchObject({
      error_code: 'rate_limited',
      details: expect.stringMatching(/^2 dry runs are at work and 10 wait already/),
    });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(refused.headers['ratelimit-policy']).toBe('"dry-runs";q=12');
    expect(refused.headers.ratelimit).toMatch(/^"dry-runs";r=0;t=\d+$/);

    // One that waits is canceled: it gives no place away but makes room in the line.
    await muster.post(`/v1/background_jobs/${ids[5]}/cancel`, key).expect(202);
    expect(await slotsTaken()).toEqual([2]);
    ids.push(...(await dryRuns(key, 1)));
    // One that is at work is canceled: the next has its place.
    await muster.post(`/v1/background_jobs/${ids[0]}/cancel`, key).expect(202);
    expect((await positions(key)).slice(0, 3)).toEqual([null, null, null]);
    expect(await slotsTaken()).toEqual([2]);

    const worker = muster.startWorker();
    for (const id of ids) await muster.finished(id, key);
    expect(await slotsTaken()).toEqual([]);
    await worker.close();
  });

  it('that are sent at once to two APIs never have more than two places nor more than twelve jobs', async () => {
    const key = await freshKey();
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        fetch(`${muster.urls[n % 2]}${DRY}`, {
          method: 'POST',
          headers: { Authorization: `Token ${key}`, 'Content-Type': 'application/json' },
          body: JSON.stringify(ROWS),
        }),
      ),
    );
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([...Array(12).fill(202), ...Array(28).fill(429)]);
    expect(await slotsTaken()).toEqual([2]);
    const worker = muster.startWorker();
    const { body } = await muster.get('/v1/background_jobs?limit=100', key).expect(200);
    for (const { job_id } of body)
      expect(await muster.finished(job_id, key)).toMatchObject({ status: 'completed' });
    await worker.close();
  });

  it('and imports are accepted and done without each other', async () => {
    const key = await freshKey();
    await dryRuns(key, 12);
    const holder = await muster.store.pool.connect();
    const holding = async (lock: number, post: () => PromiseLike<{ body: { job_id: string } }>) => {
      await holder.query('BEGIN');
      await holder.query('SELECT pg_advisory_xact_lock($1, id) FROM environments', [lock]);
      const { body } = await post();
      await holder.query('ROLLBACK');
      return body.job_id;
    };
    // Neither waits for what the other holds while its job is made.
    const id = await holding(0x4d535459, () =>
      muster.post(`${USERS}?on_busy=queue`, key).send(ROWS).expect(202),
    );
    const other = await freshKey();
    await muster.post(undefined, other).send(ROWS).expect(202);
    await holding(0x4d535453, () => muster.post(DRY, other).send(ROWS).expect(202));
    holder.release();
    const worker = muster.startWorker();
    expect(await muster.finished(id, key)).toMatchObject({ status: 'completed', created_rows: 2 });
    await worker.close();
  });

  it('that an older version has left without a place get one from the rescue', async () => {
    const key = await freshKey();
    const ids = await dryRuns(key, 3);
    await muster.store.pool.query('UPDATE jobs SET dry_run_slot = NULL WHERE id = ANY ($1)', [ids]);
    const deps = {
      ...muster,
      logger: createLogger('test', 'silent'),
      usersPerMinute: 0,
      clock: new ClockWatch(),
    };
    await rescue(deps);
    await rescue(deps);
    const { rows } = await muster.store.pool.query(
      'SELECT dry_run_slot AS slot FROM jobs WHERE id = ANY ($1) ORDER BY submitted_at',
      [ids],
    );
    expect(rows).toEqual([{ slot: 1 }, { slot: 2 }, { slot: null }]);
    await muster.store.pool.query(
      "UPDATE jobs SET due_at = due_at - interval '1 minute' WHERE id = ANY ($1)",
      [ids],
    );
    await rescue(deps);
    const worker = muster.startWorker();
    for (const id of ids) expect(await muster.finished(id, key)).toMatchObject({ status: 'completed' });
    await worker.close();
  });

  it('a retry of a dry run takes a place in the same line', async () => {
    const key = await freshKey();
    const [first = ''] = await dryRuns(key, 1);
    await muster.post(`/v1/background_jobs/${first}/cancel`, key).expect(202);
    await dryRuns(key, 12);
    await muster.post(`/v1/background_jobs/${first}/retry`, key).expect(429);
    const { body } = await muster.get('/v1/background_jobs?limit=1', key).expect(200);
    await muster.post(`/v1/background_jobs/${body[0].job_id}/cancel`, key).expect(202);
    const retried = await muster.post(`/v1/background_jobs/${first}/retry`, key).expect(202);
    expect(retried.body).toMatchObject({ dry_run: true, queue_position: 11, parent_job_id: first });
    await waitFor('the two places', async () => (await slotsTaken()).includes(2));
  });
});
