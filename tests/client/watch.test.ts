/** Watching a job on servers that do not wait, and on one that does. */
import { afterEach, expect, it } from '@jest/globals';
import { createClient, type Job } from '#client/index';
import {
  type Answer,
  type HttpServer,
  json,
  makeJob,
  recordSleeps,
  refuse,
  serve,
} from './support/http-server';

let server: HttpServer;
afterEach(() => server.close());

/** Watches to the end. Returns how many rows were done in each state that was seen. */
async function watch(answer: Answer) {
  server = await serve(answer);
  const { slept, sleep } = recordSleeps();
  const seen: Job[] = [];
  for await (const job of createClient({ url: server.url, apiKey: 'k', sleep }).watch('j1')) seen.push(job);
  return {
    slept,
    seen: seen.map((job) => job.completed_rows),
    paths: server.requests.map(({ path }) => path),
  };
}

const PATH = '/v1/background_jobs/j1';
const running = (rows: number) => makeJob({ completed_rows: rows });
const finished = makeJob({ completed_rows: 10, status: 'completed' });

it('a server without ETags is asked as often as its Retry-After says, and each state is shown once', async () => {
  const states = [running(0), running(0), running(4), finished];
  const { seen, slept, paths } = await watch((res, _request, n) =>
    json(res, 200, states[n], { 'Retry-After': '3' }),
  );
  expect(seen).toEqual([0, 4, 10]);
  expect(slept).toEqual([3_000, 3_000, 3_000]);
  expect(paths).toEqual([PATH, PATH, PATH, PATH]);
});

it('a server that says neither is asked every other second', async () => {
  const { slept } = await watch((res, _request, n) => json(res, 200, n < 2 ? running(n) : finished));
  expect(slept).toEqual([2_000, 2_000]);
});

it('a server that asks for no pause at all still gets one', async () => {
  const { slept } = await watch((res, _request, n) =>
    json(res, 200, n < 1 ? running(n) : finished, { 'Retry-After': '0' }),
  );
  expect(slept).toEqual([100]);
});

it('a job without end_time, as a plain server answers, is watched until its status is final', async () => {
  const { seen } = await watch((res, _request, n) =>
    json(res, 200, { job_id: 'j1', status: n < 2 ? 'queued' : 'failed', completed_rows: n }),
  );
  expect(seen).toEqual([0, 1, 2]);
});

it('a server with ETags is asked to wait for a job other than the last one', async () => {
  const { seen, paths } = await watch((res, _request, n) =>
    json(res, 200, n < 2 ? running(n) : finished, { ETag: `W/"${n}"`, 'Retry-After': '10' }),
  );
  expect(seen).toEqual([0, 1, 10]);
  expect(paths).toEqual([PATH, `${PATH}?wait=25`, `${PATH}?wait=25`]);
  expect(server.requests.map(({ headers }) => headers['if-none-match'])).toEqual([
    undefined,
    'W/"0"',
    'W/"1"',
  ]);
});

it('a server that has ETags and does not wait is not asked without a pause', async () => {
  const { seen, slept } = await watch((res, _request, n) => {
    if (n === 3) return json(res, 200, finished, { ETag: '"b"' });
    if (n > 0) return void res.writeHead(304, { ETag: '"a"' }).end();
    json(res, 200, running(0), { ETag: '"a"' });
  });
  expect(seen).toEqual([0, 10]);
  expect(slept.slice(1)).toEqual([2_000, 2_000]);
});

it('a failure in between is retried, and one that lasts ends the watch', async () => {
  const { seen } = await watch((res, _request, n) =>
    n === 1 ? refuse(res, 503, 'unavailable') : json(res, 200, n < 3 ? running(n) : finished),
  );
  expect(seen).toEqual([0, 2, 10]);
  await server.close();
  server = await serve((res, _request, n) =>
    n === 0 ? json(res, 200, running(0)) : refuse(res, 404, 'job_not_found'),
  );
  const client = createClient({ url: server.url, apiKey: 'k', sleep: recordSleeps().sleep });
  const jobs = client.watch('j1');
  expect((await jobs.next()).value).toMatchObject({ job_id: 'j1' });
  await expect(jobs.next()).rejects.toMatchObject({ code: 'job_not_found' });
});

it('an aborted signal ends a request that waits, at once', async () => {
  const controller = new AbortController();
  server = await serve((res, _request, n) => {
    if (n === 0) return json(res, 200, running(0), { ETag: '"a"' });
    controller.abort(new Error('enough'));
  });
  const client = createClient({ url: server.url, apiKey: 'k' });
  const watching = async () => {
    for await (const _job of client.watch('j1', { signal: controller.signal }));
  };
  await expect(watching()).rejects.toThrow('enough');
});

it('a job that has not changed is answered with the same object', async () => {
  server = await serve((res, { headers }) => {
    if (headers['if-none-match'] === '"a"') return void res.writeHead(304, { ETag: '"a"' }).end();
    json(res, 200, running(0), { ETag: '"a"' });
  });
  const client = createClient({ url: server.url, apiKey: 'k' });
  const job = await client.job('j1');
  expect(await client.job('j1', { since: job, wait: 5 })).toBe(job);
  expect(server.requests.at(-1)?.path).toBe(`${PATH}?wait=5`);
  expect(await client.job('j1')).not.toBe(job);
});
