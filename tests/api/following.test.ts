/** Following a job without asking again and again: entity tags, long polls, Server-Sent Events. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { serveApi } from '#apps/api/serve';
import { createLogger } from '#logger';
import { BACKENDS, type Muster, readText, startMuster, type WireJob } from '../support/muster';
import { waitFor } from '../support/wait';

const users = (count: number, prefix = 'f') =>
  Array.from({ length: count }, (_, n) => ({ user_id: `${prefix}${n}` }));
const pathOf = (jobId: string) => `/v1/background_jobs/${jobId}`;

interface Event {
  id: string;
  event: string;
  job: WireJob;
}

/** The events of a whole stream. */
function readEvents(text: string): Event[] {
  const blocks = text.split('\n\n').filter((block) => block.startsWith('id: '));
  return blocks.map((block) => {
    const fields = new Map(
      block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
    );
    return {
      id: fields.get('id') ?? '',
      event: fields.get('event') ?? '',
      job: JSON.parse(fields.get('data') ?? '') as WireJob,
    };
  });
}

describe.each(BACKENDS)('with the queue on %s', (backend) => {
  let muster: Muster;
  beforeAll(async () => {
    muster = await startMuster({ backend, usersPerMinute: 1_200, apis: 2 });
  });
  // The slot is free for the next test, whatever became of this one.
  afterEach(async () => {
    const { rows } = await muster.store.pool.query<{ id: string }>(
      'SELECT id FROM jobs WHERE ended_at IS NULL',
    );
    for (const { id } of rows) await cancel(id);
  });
  afterAll(() => muster.close());

  const start = async (count: number, key = muster.key) =>
    (await muster.post(undefined, key).send(users(count)).expect(202)).body as WireJob;
  const cancel = (jobId: string) => muster.post(`${pathOf(jobId)}/cancel`);

  it('an entity tag stands for the state: 304 as long as it is the same', async () => {
    const job = await muster.importRows(users(1));
    const { headers } = await muster.get(pathOf(job.job_id)).expect(200);
    expect(headers.etag).toMatch(/^W\/".+"$/);
    expect(headers['cache-control']).toBe('private, no-store');
    expect(headers['retry-after']).toBeUndefined();
    const tag = headers.etag as string;
    for (const known of [tag, tag.slice(2), `"x", ${tag}`, '*']) {
      const { text } = await muster.get(pathOf(job.job_id)).set('If-None-Match', known).expect(304);
      expect(text).toBe('');
    }
    await muster.get(pathOf(job.job_id)).set('If-None-Match', 'W/"0-"').expect(200);
  });

  it('a long poll answers when the status changes, on every API', async () => {
    const { job_id } = await start(30);
    const statuses: string[] = [];
    for (let n = 0; statuses.at(-1) !== 'completed'; n++) {
      const { body } = await request(muster.urls[n % 2] ?? '')
        .get(`${pathOf(job_id)}?wait=30`)
        .set('Authorization', `Token ${muster.key}`)
        .expect(200);
      statuses.push((body as WireJob).status);
    }
    // Each answer but perhaps the first is news, and there are no more states than these.
    expect(new Set(statuses).size).toBe(statuses.length);
    expect(statuses.length).toBeLessThanOrEqual(5);
  });

  it('with an entity tag it answers on every progress, and 304 when the time is over', async () => {
    const { job_id } = await start(60);
    const seen: number[] = [];
    let tag = 'W/"none"';
    for (;;) {
      const answer = await muster
        .get(`${pathOf(job_id)}?wait=30`)
        .set('If-None-Match', tag)
        .expect(200);
      expect(answer.headers.etag).not.toBe(tag);
      tag = answer.headers.etag as string;
      seen.push(answer.body.completed_rows);
      if (answer.body.end_time !== null) break;
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    }
    // Progress that comes faster than a busy machine reads it is told as one.
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.some((rows) => rows > 0 && rows < 60)).toBe(true);
    expect(seen.at(-1)).toBe(60);
    const idle = await start(600);
    const waiting = await muster.post('/v1/users/bulk_identify?on_busy=queue').send(users(1)).expect(202);
    const { headers } = await muster.get(pathOf(waiting.body.job_id));
    await muster
      .get(`${pathOf(waiting.body.job_id)}?wait=1`)
      .set('If-None-Match', headers.etag as string)
      .expect(304);
    await cancel(idle.job_id).expect(202);
    await muster.finished(waiting.body.job_id);
  });

  it('a job that has ended is not waited for; a wait of more than a minute is refused', async () => {
    const job = await muster.importRows(users(1));
    await muster
      .get(`${pathOf(job.job_id)}?wait=60`)
      .timeout(10_000)
      .expect(200);
    for (const wait of ['61', '-1', '1.5', 'x', '']) {
      const { body } = await muster.get(`${pathOf(job.job_id)}?wait=${wait}`).expect(400);
      expect(body.errors[0].error_code).toBe('invalid_parameter');
    }
    const stranger = await muster.addEnvironment(`following-${backend}`);
    await muster
      .get(`${pathOf(job.job_id)}?wait=60`, stranger.key)
      .timeout(10_000)
      .expect(404);
    await muster
      .get(`${pathOf(job.job_id)}/events`, stranger.key)
      .timeout(10_000)
      .expect(404);
  });

  it('1,000 clients wait on one process, and the database is asked once or twice for each, not again and again', async () => {
    const { job_id } = await start(600);
    await waitFor(
      'the job to run',
      async () => (await muster.get(pathOf(job_id))).body.status === 'processing',
    );
    const reads = async () => {
      const { rows } = await muster.store.pool.query(
        "SELECT idx_scan + seq_scan AS scans FROM pg_stat_user_tables WHERE relname = 'jobs'",
      );
      return Number(rows[0]?.scans);
    };
    const before = await reads();
    const headers = { Authorization: `Token ${muster.key}` };
    let answered = 0;
    const waiting = Array.from({ length: 1_000 }, async () => {
      const answer = await fetch(`${muster.url}${pathOf(job_id)}?wait=60`, { headers });
      answered++;
      return (await answer.json()) as WireJob;
    });
    const { rows: progress } = await muster.store.pool.query('SELECT cursor FROM jobs WHERE id = $1', [
      job_id,
    ]);
    const done = async () =>
      (await muster.store.pool.query('SELECT cursor FROM jobs WHERE id = $1', [job_id])).rows[0]?.cursor;
    await waitFor('five more slices', async () => (await done()) >= progress[0]?.cursor + 100);
    expect(answered).toBe(0);
    await cancel(job_id).expect(202);
    for (const job of await Promise.all(waiting)) expect(job.status).toBe('failed');
    // Two for each client, and those of this test, the worker and the watch; a loop would have made five times as many.
    expect((await reads()) - before).toBeLessThan(4_000);
  }, 120_000);

  it('events tell every state once, in order, and end with the last', async () => {
    const { job_id } = await start(60);
    const { body, headers } = await muster
      .get(`${pathOf(job_id)}/events`)
      .buffer()
      .parse(readText)
      .expect(200);
    expect(headers['content-type']).toBe('text/event-stream; charset=utf-8');
    const events = readEvents(body as string);
    expect(new Set(events.map(({ event }) => event))).toEqual(new Set(['job']));
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    const done = events.map(({ job }) => job.completed_rows);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(done.some((rows) => rows > 0 && rows < 60)).toBe(true);
    expect(events.at(-1)?.job).toMatchObject({ status: 'completed', completed_rows: 60 });
    expect(events.at(-1)?.job).toEqual((await muster.get(pathOf(job_id))).body);

    // Who comes back gets what is missing, and is told not to come back when nothing is.
    const early = events[0]?.id ?? '';
    const again = await muster
      .get(`${pathOf(job_id)}/events`)
      .set('Last-Event-ID', early)
      .buffer()
      .parse(readText)
      .expect(200);
    expect(readEvents(again.body as string).map(({ id }) => id)).toEqual([events.at(-1)?.id]);
    await muster
      .get(`${pathOf(job_id)}/events`)
      .set('Last-Event-ID', events.at(-1)?.id ?? '')
      .expect(204);
  });

  it('an API that is asked to end lets those who wait go at once, with an answer', async () => {
    const { job_id } = await start(400);
    await waitFor(
      'the job to run',
      async () => (await muster.get(pathOf(job_id))).body.status === 'processing',
    );
    const api = await serveApi({ ...muster, logger: createLogger('test', 'silent') });
    const headers = { Authorization: `Token ${muster.key}` };
    const polls = Array.from({ length: 20 }, () => fetch(`${api.url}${pathOf(job_id)}?wait=60`, { headers }));
    const events = await fetch(`${api.url}${pathOf(job_id)}/events`, { headers });
    const closingMs = performance.now();
    await api.close();
    expect(performance.now() - closingMs).toBeLessThan(20_000);
    for (const answer of await Promise.all(polls)) {
      expect(answer.status).toBe(200);
      expect(await answer.json()).toMatchObject({ job_id });
    }
    expect(readEvents(await events.text()).length).toBeGreaterThan(0);
    await cancel(job_id).expect(202);
  });

  it('word that was lost is made up for when the connection is back', async () => {
    const { job_id } = await start(100);
    const poll = muster.get(`${pathOf(job_id)}?wait=60`).set('If-None-Match', 'W/"none"');
    await poll.expect(200);
    const { headers } = await muster.get(pathOf(job_id));
    const following = muster.get(`${pathOf(job_id)}?wait=60`).set('If-None-Match', headers.etag as string);
    const [{ body }] = await Promise.all([
      following,
      muster.store.pool.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'muster changes' AND datname = current_database()",
      ),
    ]);
    expect(body.job_id).toBe(job_id);
    await muster.finished(job_id);
  });
});
