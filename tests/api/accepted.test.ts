/** What an accepted import is answered with, and what its job shows until its end. */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { type Muster, startMuster } from '../support/muster';
import { FORM_TYPE, filePart, form, ndjson } from './support/form';
import { postBody } from './support/post-body';
import { traces } from './support/refusal';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Every field of the contract with what it is in an import that was just accepted. */
const FRESH_JOB = {
  job_id: expect.stringMatching(UUID),
  type: 'bulk_identify_users',
  status: 'queued',
  submitted_at: expect.stringMatching(TIME),
  start_time: expect.stringMatching(TIME),
  end_time: null,
  elapsed_time: 0,
  filename: '',
  file_size: expect.any(Number),
  links: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/v1\/background_jobs\/[0-9a-f-]{36}$/),
  total_rows: 1,
  completed_rows: 0,
  created_rows: 0,
  updated_rows: 0,
  unchanged_rows: 0,
  failed_rows: 0,
  queue_position: null,
  eta_seconds: 1,
  warnings: [],
  error: null,
  dry_run: false,
  parent_job_id: null,
};

describe('an import is accepted with 202 and its whole job object', () => {
  let muster: Muster;
  beforeAll(async () => {
    muster = await startMuster();
  });
  afterAll(() => muster.close());

  const users = '{"users":[{"user_id":"a"}]}';
  const pretty = JSON.stringify({ users: [{ user_id: 'a', metadata: { plan: 'pro' } }] }, null, 2);
  const GZIP = { 'Content-Encoding': 'gzip' };
  const FORM = { 'Content-Type': FORM_TYPE };
  const companies = { type: 'bulk_identify_companies' };
  const cases: [string, string | Buffer, Record<string, string>, object, string?][] = [
    ['an object with users', users, {}, { file_size: users.length }],
    ['a bare array', '[{"user_id":"a"}]', {}, { file_size: 17 }],
    ['other keys beside users', '{"source":"crm","users":[{"user_id":"a"}],"n":1}', {}, {}],
    ['JSON over many lines', pretty, {}, { file_size: pretty.length }],
    ['JSON with a byte order mark', `\ufeff${users}`, {}, {}],
    ['JSON with its charset', users, { 'Content-Type': 'Application/JSON; Charset="UTF-8"' }, {}],
    ['gzip', gzipSync(users), GZIP, { file_size: users.length }],
    ['gzip in other case', gzipSync(users), { 'Content-Encoding': 'GZIP' }, {}],
    ['Content-Encoding: identity', users, { 'Content-Encoding': 'identity' }, {}],
    ['a file', form(filePart(ndjson(1))), FORM, { filename: 'users.ndjson', file_size: ndjson(1).length }],
    ['companies as an object', '{"companies":[{"company_id":"c"}]}', {}, companies, 'companies'],
    ['companies as a bare array', '[{"company_id":"c"}]', {}, companies, 'companies'],
    [
      'companies as a file',
      form(filePart('{"company_id":"c"}')),
      FORM,
      { ...companies, filename: 'users.ndjson' },
      'companies',
    ],
  ];

  it.each(cases)('%s', async (_name, body, headers, fields, collection = 'users') => {
    const answer = await postBody(muster, body, headers, `/v1/${collection}/bulk_identify`);
    expect({ status: answer.status, body: answer.body }).toEqual({
      status: 202,
      body: { ...FRESH_JOB, ...fields },
    });
    const job = answer.body;
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(answer.headers.location).toBe(`/v1/background_jobs/${job.job_id}`);
    expect(job.links).toBe(`${muster.url}${answer.headers.location}`);
    expect(job.start_time).toBe(job.submitted_at);
    expect(Math.abs(Date.parse(job.submitted_at) - Date.now())).toBeLessThan(60_000);

    await muster.finished(job.job_id);
    const { body: ended } = await request(job.links).get('').set('Authorization', `Token ${muster.key}`);
    expect(Object.keys(ended)).toEqual(Object.keys(job));
    for (const field of ['job_id', 'type', 'submitted_at', 'filename', 'file_size', 'links', 'total_rows']) {
      expect({ [field]: ended[field] }).toEqual({ [field]: job[field] });
    }
    expect(ended).toMatchObject({ status: 'completed', completed_rows: 1, failed_rows: 0, eta_seconds: 0 });
  });
});

describe('the job that was answered', () => {
  let muster: Muster;
  beforeAll(async () => {
    muster = await startMuster({ workers: 0, usersPerMinute: 60 });
  });
  afterAll(() => muster.close());

  it('is committed with all its rows before the answer, and shows queued until a worker comes', async () => {
    const before = await traces(muster);
    const { body } = await postBody(muster, `[${ndjson(30).trimEnd().replaceAll('\n', ',')}]`).expect(202);
    expect(await traces(muster)).toEqual({ ...before, jobs: 1, slots_taken: 1, staged_rows: 30 });
    expect(body).toEqual({ ...FRESH_JOB, total_rows: 30, eta_seconds: 30 });

    const { body: job, headers } = await muster.get(`/v1/background_jobs/${body.job_id}`).expect(200);
    expect(job).toEqual({ ...body, elapsed_time: expect.any(Number) });
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    expect(Number(headers['retry-after'])).toBeLessThanOrEqual(30);
  });
});

describe('a finished job', () => {
  let muster: Muster;
  beforeAll(async () => {
    muster = await startMuster();
  });
  afterAll(() => muster.close());

  it('counts every row once: created, updated, unchanged, failed', async () => {
    await muster.importRows([{ user_id: 'same' }, { user_id: 'other' }]);
    const job = await muster.importRows([
      { user_id: 'new' },
      { user_id: 'same' },
      { user_id: 'other', metadata: { plan: 'pro' } },
      { user_id: 7 },
      { user_id: 'new', metadata: { a: 1 } },
    ]);
    expect(job).toMatchObject({
      status: 'completed',
      total_rows: 5,
      completed_rows: 5,
      created_rows: 1,
      updated_rows: 2,
      unchanged_rows: 1,
      failed_rows: 1,
      eta_seconds: 0,
      error: null,
      end_time: expect.stringMatching(TIME),
    });
    expect(Date.parse(String(job.end_time))).toBeGreaterThanOrEqual(Date.parse(String(job.start_time)));
    expect(Date.parse(String(job.start_time))).toBeGreaterThanOrEqual(Date.parse(String(job.submitted_at)));
  });

  it('without one row applied shows failed and why', async () => {
    const job = await muster.importRows([{ user_id: '' }, 'no object']);
    expect(job).toMatchObject({
      status: 'failed',
      completed_rows: 2,
      failed_rows: 2,
      error: { code: 'no_rows_applied', message: expect.stringMatching(/\S/) },
    });
  });

  it('warns of keys that were ignored', async () => {
    const job = await muster.importRows([
      { user_id: 'w', plan: 'pro' },
      { user_id: 'w2', plan: 1, x: 2 },
    ]);
    expect(job.warnings).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ code: 'unknown_key_ignored', path: 'plan', rows: 2 }),
      ]),
    );
  });

  it('has no Retry-After', async () => {
    const { job_id } = await muster.importRows([{ user_id: 'z' }]);
    const { headers } = await muster.get(`/v1/background_jobs/${job_id}`).expect(200);
    expect(headers['retry-after']).toBeUndefined();
  });

  it('refuses parameters that it does not know', async () => {
    const { job_id } = await muster.importRows([{ user_id: 'z' }]);
    const { body } = await muster.get(`/v1/background_jobs/${job_id}?verbose=1`).expect(400);
    expect(body.errors[0].error_code).toBe('invalid_parameter');
  });
});
