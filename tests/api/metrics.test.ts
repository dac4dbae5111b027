/** GET /metrics: what Prometheus reads, by whom, and what it never shows. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { serveMetrics } from '#apps/worker/serve-metrics';
import { countByEnvironment, LIMITS } from '#metrics';
import { type Muster, startMuster } from '../support/muster';

const TOKEN = 'token-of-the-scraper';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster({ metricsToken: TOKEN });
});
afterAll(() => muster.close());

async function scrape(authorization = `Bearer ${TOKEN}`): Promise<string> {
  const answer = await fetch(`${muster.url}/metrics`, { headers: { Authorization: authorization } });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  return answer.text();
}

/** Of a line without help and type; 0 when there is none. */
function readValue(text: string, line: string): number {
  const found = text.split('\n').find((one) => one.startsWith(`${line} `));
  return Number(found?.slice(line.length + 1) ?? 0);
}

describe('GET /metrics', () => {
  it('is for a key that may read, and for the token', async () => {
    for (const authorization of [`Bearer ${TOKEN}`, `Token ${muster.key}`]) await scrape(authorization);
    for (const Authorization of ['Bearer wrong-token-of-one', 'Token wrong']) {
      const answer = await fetch(`${muster.url}/metrics`, { headers: { Authorization } });
      expect(answer.status).toBe(401);
    }
  });

  it('counts rows by outcome and jobs by final state once each, after their end', async () => {
    const before = await scrape();
    const job = await muster.importRows([{ user_id: 'm1' }, { user_id: 'm2' }, { user_id: 'm1' }, {}]);
    expect(job.status).toBe('completed');
    const after = await scrape();
    const more = (line: string) => readValue(after, line) - readValue(before, line);
    expect(more('muster_rows_total{entity="user",outcome="created"}')).toBe(2);
    expect(more('muster_rows_total{entity="user",outcome="unchanged"}')).toBe(1);
    expect(more('muster_rows_total{entity="user",outcome="failed"}')).toBe(1);
    expect(more('muster_jobs_total{entity="user",status="completed"}')).toBe(1);
    expect(more('muster_job_duration_seconds_count{status="completed"}')).toBe(1);
    expect(more('muster_slice_duration_seconds_count')).toBeGreaterThan(2);
  });

  it('counts errors by code and requests by route and status, without a path or an id', async () => {
    const before = await scrape();
    await fetch(`${muster.url}/v1/users/secret-id`, { headers: { Authorization: `Token ${muster.key}` } });
    const after = await scrape();
    const refused = 'muster_refused_total{code="user_not_found"}';
    expect(readValue(after, refused) - readValue(before, refused)).toBe(1);
    expect(after).toContain('muster_http_request_duration_seconds_count{route="/v1/users/:id",status="404"}');
    expect(after).not.toContain('secret-id');
  });

  it('has every limit, what waits, what is kept, the pool and the event loop', async () => {
    const text = await scrape();
    for (const limit of LIMITS) expect(text).toContain(`muster_limit_hits_total{limit="${limit}"}`);
    const names = [
      ...['muster_jobs_waiting', 'muster_oldest_waiting_seconds', 'muster_stored_import_bytes'],
      ...['muster_database_connections', 'nodejs_eventloop_lag_seconds', 'muster_rescues_total'],
    ];
    for (const name of names) expect(text).toMatch(new RegExp(`^${name} `, 'm'));
  });
});

describe('a worker of its own', () => {
  it('serves its metrics to the token, and its health to everybody', async () => {
    const served = await serveMetrics({ store: muster.store, host: '127.0.0.1', port: 0, token: TOKEN });
    try {
      const url = `http://127.0.0.1:${served.port}`;
      expect((await fetch(`${url}/healthz`)).status).toBe(200);
      expect((await fetch(`${url}/metrics`)).status).toBe(401);
      const answer = await fetch(`${url}/metrics`, { headers: { Authorization: `Bearer ${TOKEN}` } });
      expect(await answer.text()).toContain('muster_jobs_waiting');
    } finally {
      await served.close();
    }
  });
});

it('counts by environment when that is asked for, and only then', async () => {
  expect(await scrape()).not.toContain('muster_environment_');
  countByEnvironment();
  await muster.importRows([{ user_id: 'counted' }]);
  const text = await scrape();
  expect(text).toContain(
    'muster_environment_rows_total{environment="default",entity="user",outcome="created"} 1',
  );
  expect(text).toContain(
    'muster_environment_jobs_total{environment="default",entity="user",status="completed"} 1',
  );
});
