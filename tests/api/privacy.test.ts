/**
 * What clients send stays between them and the database: canaries in good, bad and unparsable rows, in bodies, names and
 * keys are found in no log, no error and nowhere in Redis; nor are texts of parsers and of PostgreSQL.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { type Cluster, KEY, withCluster } from '../support/cluster';
import { BACKENDS } from '../support/muster';
import { killAll } from '../support/processes';

const CANARY = 'zq7canary';
const PARSER_TEXTS =
  /Unexpected|in JSON at|is not valid JSON, |Malformed|violates|relation "|SELECT |INSERT |node_modules/;

afterAll(killAll);

interface Sent {
  headers?: Record<string, string>;
  body?: string | Buffer | FormData;
  method?: string;
  path?: string;
}

/** Everything that a client may get wrong, with the canary in it. */
function requests(): Sent[] {
  const json = { 'Content-Type': 'application/json' };
  const multipart = { 'Content-Type': 'multipart/form-data; boundary=b' };
  const file = (name: string, text: string) => {
    const form = new FormData();
    form.set('file', new Blob([text]), name);
    return form;
  };
  const rows = [
    `{"user_id":"${CANARY}1","metadata":{"email":"${CANARY}@secret.example"}}`,
    `{"user_id":"${CANARY}2","metadata":{"email":["${CANARY}"]}}`,
    `{"user_id":"${CANARY}3","metadata":{"${CANARY}":{"a":1}}}`,
    `{"user_id":"poison-${CANARY}"}`,
    `{"user_id":"${CANARY}4", "${CANARY}": `,
    `${CANARY} is not JSON`,
  ].join('\n');
  return [
    { body: file('users.ndjson', rows) },
    { body: file(`${CANARY}.ndjson`, '') },
    { headers: json, body: `{"users":[{"user_id":"${CANARY}"}` },
    { headers: json, body: `{"users":[${CANARY}]}` },
    { headers: json, body: `{"${CANARY}":[]}` },
    // The columns of a table are told to whoever sent it (docs/files.md), no cell of it ever.
    { headers: { 'Content-Type': 'text/csv' }, body: `a,b\n1,${CANARY}` },
    { headers: { 'Content-Type': `text/${CANARY}` }, body: CANARY },
    { headers: { ...json, 'Content-Encoding': 'gzip' }, body: CANARY },
    { headers: multipart, body: `--b\r\n${CANARY}: x\r\n\r\n${CANARY}` },
    {
      headers: multipart,
      body: `--b\r\nContent-Disposition: form-data; name="${CANARY}"\r\n\r\nx\r\n--b--\r\n`,
    },
    { headers: { ...json, 'Idempotency-Key': `${CANARY}-key` }, body: `{"users":${CANARY}` },
    { headers: json, body: '[]', path: `/v1/users/bulk_identify?existing=${CANARY}` },
    { method: 'GET', path: `/v1/background_jobs/${CANARY}/results?outcome=${CANARY}` },
    { method: 'GET', path: `/v1/background_jobs/${CANARY}/events`, headers: { 'Last-Event-ID': CANARY } },
    { method: 'POST', path: `/v1/background_jobs/${CANARY}/retry` },
    { headers: { Authorization: `Token ${CANARY}-as-a-key` }, method: 'GET', path: '/v1/background_jobs' },
    { headers: { 'X-Request-Id': `${CANARY} not a token` }, method: 'GET', path: '/v1/background_jobs' },
    { method: 'GET', path: `/v1/users/${CANARY}` },
    { method: 'GET', path: `/v1/background_jobs/${CANARY}` },
    { method: 'GET', path: `/v1/background_jobs?status=${CANARY}` },
    { method: 'GET', path: `/v1/users?cursor=${CANARY}` },
    { method: 'GET', path: `/${CANARY}/%E0%A4%A` },
    { method: 'DELETE', path: '/v1/users', headers: json, body: `{"users":["${CANARY}"` },
  ];
}

async function send(cluster: Cluster, { headers, body, method = 'POST', path: at }: Sent) {
  const url = `${cluster.api().url}${at ?? '/v1/users/bulk_identify'}`;
  const init = { method, headers: { Authorization: `Token ${KEY}`, ...headers }, body: body ?? null };
  const answer = await fetch(url, init);
  return { status: answer.status, text: await answer.text() };
}

it.concurrent.each([...BACKENDS])(
  'with the queue on %s no canary and no text of a parser or database gets out',
  (backend) =>
    withCluster({ backend, usersPerMinute: 0, settings: { LOG_LEVEL: 'trace' } }, async (cluster) => {
      await cluster.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.user_id LIKE 'poison%' THEN RAISE EXCEPTION 'refused %', NEW.user_id; END IF; RETURN NEW; END $$`);
      await cluster.query(
        'CREATE TRIGGER refuse BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION refuse()',
      );
      for (const request of requests()) {
        const { status, text } = await send(cluster, request);
        expect(status).toBeLessThan(500);
        if (status === 202) {
          const { job_id } = JSON.parse(text) as { job_id: string };
          expect(await cluster.follow(job_id)).toMatchObject({ status: 'completed', failed_rows: 5 });
        } else {
          expect(text).not.toContain(CANARY);
          expect(text).not.toMatch(PARSER_TEXTS);
        }
      }
      const log = [...cluster.api().log, ...cluster.worker().log].join('\n');
      expect(log.length).toBeGreaterThan(1_000);
      expect(log).not.toContain(CANARY);
      expect(log).not.toContain(KEY);
      expect(log).not.toMatch(/Unexpected|refused poison|INSERT |SELECT /);
      if (cluster.redis !== undefined) {
        await cluster.redis.command('CONFIG', 'SET', 'rdbcompression', 'no');
        await cluster.redis.command('SAVE');
        const [, folder = ''] = (await cluster.redis.command('CONFIG', 'GET', 'dir')) as string[];
        expect(readFileSync(path.join(folder, 'dump.rdb'), 'latin1')).not.toContain(CANARY);
      }
    }),
  120_000,
);
