/** on_busy=queue: first in, first out, ten at most; each knows its place and how long it will take. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BACKENDS, type Muster, startMuster, type WireJob } from '../support/muster';

const LINE = '/v1/users/bulk_identify?on_busy=queue';

describe.each(BACKENDS)('with the queue on %s', (backend) => {
  let muster: Muster;
  beforeAll(async () => {
    muster = await startMuster({ backend, usersPerMinute: 3_000, workers: 2, apis: 2 });
  });
  afterAll(() => muster.close());

  const rows = (count: number, value: string) =>
    Array.from({ length: count }, (_, n) => ({ user_id: `line${n}`, metadata: { value } }));
  const post = async (count: number, value: string, key = muster.key, path = LINE) =>
    (await muster.post(path, key).send(rows(count, value)).expect(202)).body as WireJob;
  const read = async (jobId: string, key = muster.key) =>
    (await muster.get(`/v1/background_jobs/${jobId}`, key)).body as WireJob;

  it('jobs run one after another in the order they came, and each says its place and an honest time', async () => {
    const first = await post(150, 'first');
    expect(first).toMatchObject({ status: 'queued', queue_position: null, eta_seconds: 3 });
    const second = await post(50, 'second');
    expect(second).toMatchObject({ status: 'queued', queue_position: 1 });
    const third = await post(100, 'third');
    expect(third).toMatchObject({ status: 'queued', queue_position: 2 });
    for (const [job, most] of [
      [second, 4],
      [third, 6],
    ] as const) {
      expect(job.eta_seconds).toBeGreaterThanOrEqual(1);
      expect(job.eta_seconds).toBeLessThanOrEqual(most);
    }
    // Who does not want to wait is refused, as long as anybody is before him.
    const { body: refused } = await muster.post().send(rows(1, 'impatient')).expect(409);
    expect(refused.errors[0].error_code).toBe('job_in_progress');
    const ended = await Promise.all([first, second, third].map(({ job_id }) => muster.finished(job_id)));
    for (const [index, job] of ended.entries()) {
      expect(job).toMatchObject({ status: 'completed', queue_position: null });
      if (index > 0) {
        expect(Date.parse(job.start_time as string)).toBeGreaterThanOrEqual(
          Date.parse(ended[index - 1]?.end_time ?? ''),
        );
      }
    }
    expect((await muster.get('/v1/users/line0')).body.metadata).toEqual({ value: 'third' });
  });

  it('the eleventh is refused; a canceled one makes room and those behind it move up', async () => {
    const holder = await post(2_000, 'holder');
    const waiting: WireJob[] = [];
    for (let n = 1; n <= 10; n++) waiting.push(await post(1, `w${n}`));
    expect(waiting.map(({ queue_position }) => queue_position)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const { body, headers } = await muster.post(LINE).send(rows(1, 'w11')).expect(409);
    expect(body.errors[0]).toMatchObject({
      error_code: 'job_in_progress',
      details: expect.stringContaining('10 jobs wait'),
    });
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    const following = muster
      .get(`/v1/background_jobs/${waiting[9]?.job_id}?wait=30`)
      .set(
        'If-None-Match',
        (await muster.get(`/v1/background_jobs/${waiting[9]?.job_id}`)).headers.etag as string,
      );
    const [moved] = await Promise.all([
      following,
      muster.post(`/v1/background_jobs/${waiting[4]?.job_id}/cancel`).expect(202),
    ]);
    expect(moved.body.queue_position).toBe(9);
    await muster.post(`/v1/background_jobs/${holder.job_id}/cancel`).expect(202);
    for (const [n, { job_id }] of waiting.entries()) {
      expect((await muster.finished(job_id)).status).toBe(n === 4 ? 'failed' : 'completed');
    }
    expect((await muster.get('/v1/users/line0')).body.metadata).toEqual({ value: 'w10' });
  });

  it('however many line up at once at whichever API while jobs end, all run, one at a time', async () => {
    const { key, environmentId } = await muster.addEnvironment('crowd');
    await muster.store.pool.query('UPDATE environments SET users_per_minute = 0 WHERE id = $1', [
      environmentId,
    ]);
    const accepted: string[] = [];
    for (let round = 0; round < 12; round++) {
      const answers = await Promise.all(
        Array.from({ length: 5 }, (_, n) =>
          fetch(`${muster.urls[n % 2]}${n === 4 ? '/v1/users/bulk_identify' : LINE}`, {
            method: 'POST',
            headers: { Authorization: `Token ${key}`, 'Content-Type': 'application/json' },
            body: JSON.stringify(rows(3, `${round}-${n}`)),
          }),
        ),
      );
      for (const answer of answers) {
        const body = (await answer.json()) as WireJob;
        if (answer.status === 202) accepted.push(body.job_id);
        else expect(answer.status).toBe(409);
      }
    }
    for (const jobId of accepted) expect((await muster.finished(jobId, key)).status).toBe('completed');
    expect(accepted.length).toBeGreaterThan(10);
    const { rows: overlaps } = await muster.store.pool.query(
      `SELECT a.id FROM jobs a JOIN jobs b ON a.environment_id = b.environment_id AND a.id <> b.id
         AND a.started_at < b.ended_at AND b.started_at < a.ended_at
       WHERE a.environment_id = $1`,
      [environmentId],
    );
    expect(overlaps).toEqual([]);
    expect((await read(accepted[0] ?? '', key)).queue_position).toBeNull();
  });
});
