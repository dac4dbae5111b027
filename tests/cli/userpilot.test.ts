/** The command line against a server that has nothing but what Userpilot documents (the seeds' endpoints). */

import { writeFileSync } from 'node:fs';
import type http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import express from 'express';
import multer from 'multer';
import { makeHome, runCli } from './support/run-cli';

/** What the stand-in was sent. */
const seen = { rows: [] as unknown[], posts: 0, refused: 0, unknown: [] as string[] };
let server: http.Server;
let url: string;

beforeAll(async () => {
  const jobs = new Map<string, { polls: number; total: number }>();
  let busyUntilPoll = false;
  const app = express();
  app.post('/v1/users/bulk_identify', multer().single('file'), (req, res) => {
    if (req.get('authorization') !== 'Token user-pilot-key')
      return void res.status(401).json({ error: 'no' });
    if (Object.keys(req.query).length > 0) seen.unknown.push(req.url);
    if (busyUntilPoll || seen.refused === 0) {
      seen.refused++;
      return void res
        .status(409)
        .json({ errors: [{ error_code: 'conflict', error: 'Conflict', message: 'busy', details: '' }] });
    }
    const lines = req.file?.buffer.toString('utf8').trimEnd().split('\n') ?? [];
    seen.posts++;
    seen.rows.push(...lines.map((line) => JSON.parse(line)));
    const id = `job-${seen.posts}`;
    jobs.set(id, { polls: 0, total: lines.length });
    busyUntilPoll = true;
    res.status(202).json({ job_id: id, status: 'queued', submitted_at: new Date().toISOString() });
  });
  app.get('/v1/background_jobs/:id', (req, res) => {
    const job = jobs.get(req.params.id);
    if (job === undefined) return void res.status(404).json({ errors: [] });
    job.polls++;
    const status = job.polls < 2 ? 'processing' : 'completed';
    if (status === 'completed') busyUntilPoll = false;
    res.json({
      job_id: req.params.id,
      status,
      total_rows: job.total,
      type: 'bulk_identify_users',
      end_time: null,
    });
  });
  app.use((req, res) => {
    seen.unknown.push(`${req.method} ${req.url}`);
    res.status(404).end();
  });
  server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

it('imports in parts, waits out a busy slot, and asks for nothing that a plain Userpilot has not but what tells it from a Muster', async () => {
  const home = makeHome();
  const file = path.join(home, 'users.csv');
  writeFileSync(file, `user_id,plan\n${Array.from({ length: 25 }, (_, n) => `u${n},pro\n`).join('')}`);
  const run = await runCli(['import', file, '--batch-rows', '10', '--errors', 'failed'], {
    url,
    apiKey: 'user-pilot-key',
    home,
  });
  expect(run).toMatchObject({ code: 0, stdout: expect.stringContaining('25 accepted') });
  expect(seen.rows).toEqual(
    Array.from({ length: 25 }, (_, n) => ({ user_id: `u${n}`, metadata: { plan: 'pro' } })),
  );
  expect(seen).toMatchObject({ posts: 3, unknown: ['GET /v1/environment'] });
  expect(seen.refused).toBeGreaterThan(0);
}, 60_000);

it('a job is watched, and what such a server does not say is left out', async () => {
  const run = await runCli(['watch', 'job-1'], { url, apiKey: 'user-pilot-key' });
  expect(run).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Rows +10$/m) });
  expect(run.stdout).not.toMatch(/NaN|undefined|Created/);
});

it('what it would not heed is refused, so that a dry run imports nothing', async () => {
  const before = seen.posts;
  for (const flags of [['--dry-run'], ['--existing', 'create_only'], ['--metadata', 'replace']]) {
    const run = await runCli(['import', '-', ...flags], {
      url,
      apiKey: 'user-pilot-key',
      input: '{"user_id":"u"}',
    });
    expect(run).toMatchObject({ code: 3, stderr: expect.stringContaining('not a Muster') });
  }
  expect(seen.posts).toBe(before);
});
