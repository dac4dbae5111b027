/** Several APIs over one database: races for the slot, and APIs that are killed or restarted at the worst moment. */
import http from 'node:http';
import { afterAll, expect, it } from '@jest/globals';
import { type Cluster, KEY, withCluster } from '../support/cluster';
import { noteFaultRun } from '../support/fault-report';
import { makeImport } from '../support/imports';
import { BACKENDS } from '../support/muster';
import { killAll, type Running } from '../support/processes';
import { countSpoolFiles } from '../support/spool-files';
import { waitFor } from '../support/wait';

const LONG = process.env.FAULTS === 'long';
const ROUNDS = LONG ? 100 : 10;
/** Requests with a key whose API is killed; a claim may have to wait for the end of its lease each time. */
const KEYED_ROUNDS = LONG ? 20 : 2;
const LINE = LONG ? 10 : 3;
const TIMEOUT_MS = LONG ? 600_000 : 120_000;

afterAll(killAll);

/** Sends the beginning of an upload, and keeps the connection open. */
function beginUpload(api: Running, ndjson: string): http.ClientRequest {
  const request = http.request(`${api.url}/v1/users/bulk_identify`, {
    method: 'POST',
    headers: { Authorization: `Token ${KEY}`, 'Content-Type': 'multipart/form-data; boundary=b' },
  });
  request.on('error', () => undefined);
  request.write('--b\r\nContent-Disposition: form-data; name="file"; filename="u.ndjson"\r\n\r\n');
  request.write(ndjson);
  return request;
}

const count = async (cluster: Cluster, table: string) =>
  Number((await cluster.query(`SELECT count(*) AS n FROM ${table}`))[0]?.n);

// Not one `describe` for each: then the runs of one would wait for those of the other.
for (const backend of BACKENDS) {
  it.concurrent(
    `${backend}: E1, E2, I6: of 10 requests at once to two APIs one is accepted, in each of ${ROUNDS} rounds`,
    () =>
      withCluster({ backend, apis: 2, usersPerMinute: 0 }, async (cluster) => {
        for (let round = 0; round < ROUNDS; round++) {
          const uploads = Array.from({ length: 10 }, (_, n) =>
            cluster.post(makeImport({ rows: 20, ids: 20, after: round * 1_000 + n * 20 }), {
              api: cluster.api(n % 2),
            }),
          );
          const answers = await Promise.all(uploads);
          const accepted = answers.filter(({ status }) => status === 202);
          // A quick job may have ended while others were still being received.
          expect(accepted.length).toBeGreaterThanOrEqual(1);
          expect(answers.filter(({ status }) => status !== 202 && status !== 409)).toEqual([]);
          const jobs = await cluster.query(
            `SELECT count(*)::int AS n FROM jobs a JOIN jobs b ON a.id < b.id
             AND a.submitted_at < b.ended_at - interval '10 ms' AND b.submitted_at < a.ended_at - interval '10 ms'`,
          );
          for (const { body } of accepted) await cluster.follow(body.job_id);
          expect(jobs).toEqual([{ n: 0 }]);
        }
      }),
    TIMEOUT_MS,
  );

  it.concurrent(
    `${backend}: E7: a request at the instant when a job ends is accepted or refused with the time to wait, and nothing is lost`,
    () =>
      withCluster({ backend, apis: 2, usersPerMinute: 0 }, async (cluster) => {
        let accepted = 0;
        for (let n = 0; accepted < ROUNDS * 2; n++) {
          const upload = makeImport({ rows: 10, ids: 10, after: n * 10 });
          const { status, headers } = await cluster.post(upload, { api: cluster.api(n % 2) });
          if (status === 202) accepted++;
          else {
            expect(status).toBe(409);
            expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
          }
        }
        const verdict = await cluster.verdict();
        noteFaultRun({ fault: 'requests at the end of a job', backend, injections: accepted, verdict });
      }),
    TIMEOUT_MS,
  );

  it.concurrent(
    `${backend}: E8: an API killed between the commit and the delivery, and right after the 202, has lost nothing; the job starts within 30 s`,
    () =>
      withCluster({ backend, apis: 2 }, async (cluster) => {
        // The delivery cannot get through: so the API is between commit and delivery until it is killed.
        const locker = await cluster.connect();
        if (backend === 'redis') cluster.redisProxy?.blackHole();
        else await locker.query('BEGIN; LOCK TABLE bullmq.job IN ACCESS EXCLUSIVE MODE');
        const first = makeImport({ rows: 100, ids: 90 });
        const lost = cluster.post(first, { api: cluster.api(1) }).catch(() => undefined);
        const [job] = await waitFor('the commit', async () => {
          const jobs = await cluster.query('SELECT id FROM jobs');
          return jobs.length > 0 && jobs;
        });
        await cluster.end(cluster.api(1), 'SIGKILL');
        const killedAt = performance.now();
        await lost;
        if (backend === 'redis') {
          cluster.redisProxy?.heal();
          cluster.redisProxy?.cut();
        } else await locker.query('ROLLBACK');
        await locker.end();
        const jobId = String(job?.id);
        cluster.accepted.clear();
        cluster.remember(first, jobId);
        await cluster.untilRows(jobId, 1);
        const recoveryMs = performance.now() - killedAt;
        expect(recoveryMs).toBeLessThan(30_000);
        await cluster.follow(jobId);

        const next = await cluster.start('api');
        const second = await cluster.accept(makeImport({ rows: 100, ids: 90, after: 100 }), { api: next });
        await cluster.end(next, 'SIGKILL');
        await cluster.follow(second);
        const verdict = await cluster.verdict();
        noteFaultRun({
          fault: 'kill -9 of the API around the 202',
          backend,
          injections: 2,
          verdict,
          recoveryMs,
        });
      }),
    TIMEOUT_MS,
  );

  it.concurrent(
    `${backend}: E9: a request with an Idempotency-Key is done once, whenever its API is killed and however often it is sent again`,
    () =>
      withCluster({ backend, apis: 2 }, async (cluster) => {
        for (let round = 0; round < KEYED_ROUNDS; round++) {
          const upload = makeImport({ rows: 200, ids: 150, after: round * 200 });
          const headers = { 'Idempotency-Key': `round-${round}` };
          const first = cluster.post(upload, { api: cluster.api(1), headers }).catch(() => undefined);
          // At some moment before the answer, and every other time just after it.
          if (round % 2 === 0) await new Promise((resolve) => setTimeout(resolve, round * 10));
          else await first;
          await cluster.end(cluster.api(1), 'SIGKILL');
          const answered = await first;
          const again = await waitFor(
            'an answer to the same request',
            async () => {
              const answer = await cluster.post(upload, { headers });
              if (answer.status !== 409) return answer;
              expect(answer.body.errors?.[0]?.error_code).toBe('idempotency_key_in_flight');
              return undefined;
            },
            40_000,
          );
          expect(again.status).toBe(202);
          if (round % 2 === 1) expect(answered?.status).toBe(202);
          if (answered?.status === 202) expect(again.body).toEqual(answered.body);
          const jobs = cluster.accepted.get(KEY) ?? [];
          if (jobs.length === round) cluster.remember(upload, again.body.job_id);
          await cluster.follow(again.body.job_id);
          expect(await count(cluster, 'jobs')).toBe(round + 1);
          await cluster.start('api');
        }
        const verdict = await cluster.verdict();
        noteFaultRun({
          fault: 'kill -9 of the API in a request with a key',
          backend,
          injections: KEYED_ROUNDS,
          verdict,
        });
      }),
    TIMEOUT_MS,
  );

  it.concurrent(
    `${backend}: jobs that wait in line get their turn though workers are killed at every end`,
    () =>
      withCluster({ backend, workers: 2, usersPerMinute: 6_000 }, async (cluster) => {
        const jobs: string[] = [];
        for (let n = 0; n < LINE; n++) {
          const upload = makeImport({ rows: 60, ids: 50, after: n * 60 });
          jobs.push(await cluster.accept(upload, { query: '?on_busy=queue' }));
        }
        for (const job of jobs) {
          await cluster.untilRows(job, 50);
          await cluster.end(cluster.worker(), 'SIGKILL');
          await cluster.start('worker');
        }
        const verdict = await cluster.verdict();
        noteFaultRun({ fault: 'kill -9 of workers while jobs wait', backend, injections: LINE, verdict });
      }),
    TIMEOUT_MS,
  );

  it.concurrent(
    `${backend}: F7: an API killed in the middle of uploads leaves no job and takes no slot, and what it had staged is removed`,
    () =>
      withCluster({ backend, apis: 1 }, async (cluster) => {
        const big = `{"user_id":"unexpected","metadata":{"x":"${'x'.repeat(1_000)}"}}\n`.repeat(3_000);
        const api = cluster.api();
        const uploads = [
          beginUpload(api, big.slice(0, 3_000_000)),
          beginUpload(api, big.slice(0, 2_000_000)),
        ];
        await waitFor('rows of both', () => countSpoolFiles(api.child.pid) === 2);
        expect(await count(cluster, 'uploads')).toBe(0);
        // A third one is whole, and is killed while its rows are on their way into the database.
        const locker = await cluster.connect();
        await locker.query('BEGIN; LOCK TABLE jobs IN EXCLUSIVE MODE');
        const whole = beginUpload(api, big);
        whole.end('\r\n--b--\r\n');
        await waitFor('its rows', async () => (await count(cluster, 'uploads')) === 1);
        await cluster.end(api, 'SIGKILL');
        await locker.end();
        for (const upload of [...uploads, whole]) upload.destroy();
        await cluster.start('api');
        expect(await count(cluster, 'jobs')).toBe(0);
        const started = performance.now();
        const job = await cluster.accept(makeImport({ rows: 100, ids: 90 }));
        expect(performance.now() - started).toBeLessThan(5_000);
        await cluster.follow(job);
        // Uploads are given up for dead when no request can last so long.
        await cluster.query("UPDATE uploads SET started_at = started_at - interval '61 minutes'");
        await waitFor('the sweep', async () => (await count(cluster, 'uploads')) === 0);
        const [rows] = await cluster.query('SELECT count(DISTINCT job_id)::int AS jobs FROM staged_rows');
        expect(Number(rows?.jobs)).toBeLessThanOrEqual(1);
        const verdict = await cluster.verdict();
        noteFaultRun({ fault: 'kill -9 of the API in an upload', backend, injections: 3, verdict });
      }),
    TIMEOUT_MS,
  );

  it.concurrent(
    `${backend}: F6: an API that is asked to end answers the upload in flight and exits with 0 within 10 s`,
    () =>
      withCluster({ backend, apis: 2 }, async (cluster) => {
        const api = cluster.api();
        const upload = makeImport({ rows: 100, ids: 90 });
        const request = beginUpload(api, upload.ndjson);
        const answered = new Promise<number | undefined>((resolve) => {
          request.on('response', (answer) => {
            answer.resume();
            resolve(answer.statusCode);
          });
        });
        await waitFor('the upload to arrive', async () => {
          const { status } = await cluster.request('GET', `${api.url}/healthz`);
          return status === 200;
        });
        const asked = performance.now();
        const ended = cluster.end(api, 'SIGTERM');
        await waitFor('no new connections', () =>
          fetch(`${api.url}/healthz`).then(
            () => false,
            () => true,
          ),
        );
        request.end('\r\n--b--\r\n');
        expect(await answered).toBe(202);
        expect(await ended).toBe(0);
        expect(performance.now() - asked).toBeLessThan(10_000);
        const [job] = await cluster.query('SELECT id FROM jobs');
        cluster.remember(upload, String(job?.id));
        const verdict = await cluster.verdict();
        noteFaultRun({ fault: 'SIGTERM of the API in an upload', backend, injections: 1, verdict });
      }),
    TIMEOUT_MS,
  );

  it.concurrent(
    `${backend}: F6, F26: APIs and workers that are replaced one after another during imports lose nothing, and clients always find one`,
    () =>
      withCluster({ backend, apis: 2, workers: 2, usersPerMinute: 3_000 }, async (cluster) => {
        const job = await cluster.accept(makeImport({ rows: 500, ids: 400 }));
        for (const rows of [50, 200]) {
          await cluster.untilRows(job, rows);
          for (const name of ['api', 'worker'] as const) {
            await cluster.start(name);
            expect(await cluster.end(name === 'api' ? cluster.api() : cluster.worker(), 'SIGTERM')).toBe(0);
          }
        }
        const verdict = await cluster.verdict();
        noteFaultRun({ fault: 'rolling restart of APIs and workers', backend, injections: 8, verdict });
      }),
    TIMEOUT_MS,
  );
}
