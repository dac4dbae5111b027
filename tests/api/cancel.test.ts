/** Cancel really stops: after its answer no further row is written, and every row says what became of it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BACKENDS, type Muster, startMuster, type WireJob } from '../support/muster';
import { waitFor } from '../support/wait';

const rows = (count: number, prefix: string) =>
  Array.from({ length: count }, (_, n) => ({ user_id: `${prefix}-${n}`, metadata: { n } }));

describe.each(BACKENDS)('with the queue on %s', (backend) => {
  let muster: Muster;
  beforeAll(async () => {
    // Six rows every 0.1 s would be too fast to be caught; a slice of 20 rows each second is not.
    muster = await startMuster({ backend, usersPerMinute: 1_200 });
  });
  afterAll(() => muster.close());

  const cancel = (jobId: string) => muster.post(`/v1/background_jobs/${jobId}/cancel`);
  const read = async (jobId: string) => (await muster.get(`/v1/background_jobs/${jobId}`)).body as WireJob;

  it('a job that is canceled in the middle keeps what was applied, and the rest is unprocessed', async () => {
    const sent = rows(200, 'middle');
    const { body } = await muster
      .post()
      .send({ users: [...sent, { user_id: '' }] })
      .expect(202);
    await waitFor('some rows to be applied', async () => (await read(body.job_id)).created_rows > 0);
    const { body: canceled } = await cancel(body.job_id).expect(202);
    expect(canceled).toMatchObject({
      status: 'failed',
      error: { code: 'canceled', message: 'The import was canceled.' },
      failed_rows: 1,
      eta_seconds: 0,
    });
    expect(canceled.end_time).not.toBeNull();
    const stored = async () =>
      (await muster.store.pool.query("SELECT count(*)::int AS n FROM users WHERE user_id LIKE 'middle-%'"))
        .rows[0]?.n;
    const storedAtAnswer = await stored();
    expect(storedAtAnswer).toBe(canceled.created_rows);
    const unprocessed = await muster.results(body.job_id, '?outcome=unprocessed');
    expect(unprocessed).toHaveLength(201 - canceled.completed_rows);
    expect(unprocessed[0]).toMatchObject({ id: `middle-${storedAtAnswer}`, errors: [] });

    // Another job runs to its end: by then the canceled one would have gone on.
    await muster.importRows(rows(25, 'after'));
    expect(await stored()).toBe(storedAtAnswer);
    expect(await read(body.job_id)).toMatchObject({
      completed_rows: canceled.completed_rows,
      status: 'failed',
    });
  });

  it('a job that has ended cannot be canceled, nor can one that is not there', async () => {
    const job = await muster.importRows(rows(1, 'ended'));
    for (let again = 0; again < 2; again++) {
      const { body } = await cancel(job.job_id).expect(409);
      expect(body.errors[0].error_code).toBe('job_finished');
    }
    const { body } = await cancel('9536d797-7039-4d30-8c11-ac437367d732').expect(404);
    expect(body.errors[0].error_code).toBe('job_not_found');
  });

  it('whenever the cancel comes, its counts are those of the users that are stored, for ever', async () => {
    const { environmentId, key } = await muster.addEnvironment('unthrottled');
    await muster.store.pool.query('UPDATE environments SET users_per_minute = 0 WHERE id = $1', [
      environmentId,
    ]);
    const stored = async () => {
      const { rows: found } = await muster.store.pool.query(
        'SELECT count(*)::int AS n FROM users WHERE environment_id = $1',
        [environmentId],
      );
      return found[0]?.n as number;
    };
    let canceled = 0;
    let before = 0;
    // At once, while the rows are looked at, or while they are applied, in a slice or between two of them.
    const moments = [
      () => true,
      (job: WireJob) => job.status !== 'queued',
      (job: WireJob) => job.created_rows > 0,
    ];
    // A machine that is fast may have done a job before its cancel comes: then another one is tried.
    for (let round = 0; round < 18 || canceled < 7; round++) {
      const { body: job } = await muster
        .post(undefined, key)
        .send({ users: rows(8_000, `round${round}`) })
        .expect(202);
      const isTime = moments[round % moments.length] ?? (() => true);
      await waitFor('the moment to cancel', async () =>
        isTime((await muster.get(`/v1/background_jobs/${job.job_id}`, key)).body as WireJob),
      );
      const { status, body } = await muster.post(`/v1/background_jobs/${job.job_id}/cancel`, key);
      const now = await stored();
      if (status === 202) {
        canceled++;
        expect(now - before).toBe(body.created_rows);
      } else expect(status).toBe(409);
      before = now;
    }
    expect(await stored()).toBe(before);
  }, 120_000);
});
