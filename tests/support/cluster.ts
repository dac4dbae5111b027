/**
 * A whole Muster as processes of their own: APIs, workers, PostgreSQL and Redis, with a proxy before each server, so that
 * everything can be killed, stopped, restarted, cut off and put on a false clock.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from '@jest/globals';
import pg from 'pg';
import { updateDatabase } from '../../apps/update-database';
import { type JobStatus, STATUSES } from '../../src/job/lifecycle';
import { createDatabase, dropDatabase, ownerUrl } from './database';
import { CANARY, type Import } from './imports';
import type { Backend, WireJob } from './muster';
import { type PostgresOptions, type PostgresServer, startPostgres } from './postgres-server';
import { type ProcessName, type Running, startProcess } from './processes';
import { type RedisServer, startRedis } from './redis-server';
import { startTcpProxy, type TcpProxy } from './tcp-proxy';
import { AUDIT, judge, type Verdict } from './verdict';
import { waitFor } from './wait';

export const KEY = 'key-for-the-fault-tests';

export interface ClusterOptions {
  backend: Backend;
  /** Default 6000: slices of 100 rows. */
  usersPerMinute?: number;
  apis?: number;
  workers?: number;
  /** A PostgreSQL of its own, for faults that would hit other tests. */
  postgres?: PostgresOptions | true;
  /** Folder of that PostgreSQL; default a temporary one. */
  postgresFolder?: string;
  redisOptions?: string[];
  /** Settings of all processes. */
  settings?: Record<string, string>;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: WireJob & { errors?: { error_code: string; details: string }[] };
}

/** Of each process, when a run fails. */
const LOG_LINES_SHOWN = 40;
/** Open file descriptors that a process may have more than at first: pooled connections. */
const DESCRIPTORS_MORE = 25;

export class Cluster {
  readonly apis: Running[] = [];
  readonly workers: Running[] = [];
  /** In the order in which they were accepted, by key. */
  readonly accepted = new Map<string, (Import & { jobId: string })[]>();
  private readonly ended: Running[] = [];
  private readonly descriptors = new Map<Running, number>();

  constructor(
    readonly backend: Backend,
    readonly settings: Record<string, string>,
    readonly database: TcpProxy,
    /** As the owner, past the proxy. */
    private readonly directUrl: () => string,
    readonly postgres: PostgresServer | undefined,
    readonly redis: RedisServer | undefined,
    readonly redisProxy: TcpProxy | undefined,
    private readonly undo: (() => unknown)[],
  ) {}

  /** Starts one more process of this name. */
  async start(name: ProcessName, settings: Record<string, string> = {}): Promise<Running> {
    const running = await startProcess(name, { ...this.settings, ...settings });
    (name === 'api' ? this.apis : this.workers).push(running);
    this.descriptors.set(running, openDescriptors(running));
    return running;
  }

  /** Ends a process by a signal. Returns its exit code. */
  async end(running: Running, signal: NodeJS.Signals): Promise<number | null> {
    for (const list of [this.apis, this.workers]) {
      const index = list.indexOf(running);
      if (index >= 0) list.splice(index, 1);
    }
    this.ended.push(running);
    return running.end(signal);
  }

  /** Kills a worker and starts another one instead. */
  async replaceWorker(running = this.worker()): Promise<void> {
    await this.end(running, 'SIGKILL');
    await this.start('worker');
  }

  worker(index = 0): Running {
    return this.workers[index] as Running;
  }

  api(index = 0): Running {
    return this.apis[index] as Running;
  }

  /** Asks an API. @throws TypeError when it cannot be reached */
  async request(method: string, url: string, init: RequestInit & { key?: string } = {}): Promise<Answer> {
    const answer = await fetch(url, {
      ...init,
      method,
      headers: { Authorization: `Token ${init.key ?? KEY}`, ...init.headers },
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, body: JSON.parse(text) };
  }

  /**
   * How long an API took for an answer that it logs, in milliseconds, by its own clock: this process runs several clusters
   * at once and is late itself at times.
   */
  async durationMs({ headers }: Answer): Promise<number> {
    const id = headers.get('x-request-id') ?? '';
    const line = await waitFor('the line of the request', async () =>
      [...this.apis, ...this.ended]
        .flatMap(({ log }) => log)
        .find((text) => text.includes(id) && text.includes('"duration_ms"')),
    );
    return (JSON.parse(line) as { duration_ms: number }).duration_ms;
  }

  /** Uploads a file. What is accepted is remembered and judged at the end. */
  async post(
    upload: Import,
    { api = this.api(), key = KEY, query = '', headers = {} } = {},
  ): Promise<Answer> {
    const form = new FormData();
    form.set('file', new Blob([upload.ndjson]), 'users.ndjson');
    const url = `${api.url}/v1/users/bulk_identify${query}`;
    const answer = await this.request('POST', url, { body: form, key, headers });
    const isNew = answer.headers.get('idempotent-replayed') === null;
    if (answer.status === 202 && isNew) this.remember(upload, answer.body.job_id, key);
    return answer;
  }

  remember(upload: Import, jobId: string, key = KEY): void {
    this.accepted.set(key, [...(this.accepted.get(key) ?? []), { ...upload, jobId }]);
  }

  /** Uploads a file that must be accepted. Returns the job's id. */
  async accept(
    upload: Import,
    options: { api?: Running; key?: string; query?: string } = {},
  ): Promise<string> {
    const { status, body } = await this.post(upload, options);
    expect(body).toMatchObject({ status: 'queued' });
    expect(status).toBe(202);
    return body.job_id;
  }

  /** Runs one statement as the owner on a connection of its own, past the proxy. */
  query = async (sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> => {
    const client = await this.connect();
    try {
      return (await client.query(sql, values)).rows;
    } finally {
      await client.end();
    }
  };

  /** A connection to the database as the owner, past the proxy. */
  async connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.directUrl(), connectionTimeoutMillis: 15_000 });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  /** Rows with an outcome. */
  async rowsDone(jobId: string): Promise<number> {
    const [job] = await this.query(
      'SELECT created_rows + updated_rows + unchanged_rows + failed_rows AS done FROM jobs WHERE id = $1',
      [jobId],
    );
    return Number(job?.done);
  }

  async untilRows(jobId: string, rows: number, timeoutMs = 60_000): Promise<void> {
    const done = () => this.rowsDone(jobId).catch(() => 0);
    await waitFor(`${rows} rows`, async () => (await done()) >= rows, timeoutMs);
  }

  /** Waits until the job goes on. Returns how long that took, in milliseconds. */
  async untilProgress(jobId: string, timeoutMs = 120_000): Promise<number> {
    const look = async () =>
      (await this.query('SELECT revision, ended_at FROM jobs WHERE id = $1', [jobId]).catch(() => []))[0];
    const begun = performance.now();
    const before = await waitFor('the job', look, timeoutMs);
    await waitFor(
      'progress',
      async () => {
        const now = await look();
        return now !== undefined && (now.revision !== before.revision || now.ended_at !== null);
      },
      timeoutMs,
    );
    return performance.now() - begun;
  }

  /**
   * Polls a job to its end. What a client sees never goes back; where the database may be away, 503 is an answer too.
   */
  async follow(jobId: string, { key = KEY, timeoutMs = 120_000, mayBeAway = false } = {}): Promise<WireJob> {
    let seen = { rank: 0, rows: 0 };
    return waitFor(
      `the end of job ${jobId}`,
      async () => {
        const url = `${this.api().url}/v1/background_jobs/${jobId}`;
        const answer = await this.request('GET', url, { key }).catch(() => undefined);
        if (answer === undefined || (mayBeAway && answer.status === 503)) return undefined;
        expect(answer.status).toBe(200);
        const job = answer.body;
        const now = { rank: STATUSES.indexOf(job.status as JobStatus), rows: job.completed_rows };
        expect(now.rank).toBeGreaterThanOrEqual(seen.rank);
        expect(now.rows).toBeGreaterThanOrEqual(seen.rows);
        expect(now.rows).toBeLessThanOrEqual(job.total_rows);
        seen = now;
        return job.end_time !== null && job;
      },
      timeoutMs,
    );
  }

  /**
   * The oracles that every run ends with: all accepted jobs are completed, exactly what was accepted is stored, the slot is
   * free, nothing personal is in logs or Redis, no process has piled up connections.
   */
  async verdict({ key = KEY, slug = 'default', mayBeAway = false } = {}): Promise<Verdict> {
    const jobs = [];
    for (const upload of this.accepted.get(key) ?? []) {
      const job = await this.follow(upload.jobId, { key, mayBeAway });
      expect(job).toMatchObject({ status: 'completed', completed_rows: upload.rows.length });
      jobs.push({ ...upload, job });
    }
    const verdict = await judge(this.query, slug, jobs);
    expect(verdict).toEqual({ lost: 0, duplicated: 0, unexpected: 0, stale: 0 });
    await this.expectFreeSlot(key, mayBeAway);
    await this.expectNothingPersonal();
    await this.expectDescriptorsBack();
    return verdict;
  }

  private async expectFreeSlot(key: string, mayBeAway: boolean): Promise<void> {
    const value = (this.accepted.get(key)?.length ?? 0) + 1;
    const next: Import = {
      rows: [{ id: 'the-next-one', value }],
      ndjson: `{"user_id":"the-next-one","metadata":{"row":${value}}}`,
    };
    await waitFor(
      'a 202 for the next import',
      async () => (await this.post(next, { key })).status === 202,
      5_000,
    );
    await this.follow(this.accepted.get(key)?.at(-1)?.jobId ?? '', { key, mayBeAway });
  }

  private async expectNothingPersonal(): Promise<void> {
    const secret = new RegExp(`${CANARY.split('@')[1]}|${KEY}`);
    for (const { name, log } of [...this.apis, ...this.workers, ...this.ended]) {
      expect({ name, lines: log.filter((line) => secret.test(line)) }).toEqual({ name, lines: [] });
    }
    if (this.redis === undefined) return;
    await this.redis.command('CONFIG', 'SET', 'rdbcompression', 'no');
    await this.redis.command('SAVE');
    const [, folder = ''] = (await this.redis.command('CONFIG', 'GET', 'dir')) as string[];
    const [, file = ''] = (await this.redis.command('CONFIG', 'GET', 'dbfilename')) as string[];
    expect(readFileSync(path.join(folder, file), 'latin1')).not.toMatch(secret);
  }

  private async expectDescriptorsBack(): Promise<void> {
    for (const running of [...this.apis, ...this.workers]) {
      const allowed = (this.descriptors.get(running) ?? 0) + DESCRIPTORS_MORE;
      await waitFor(`few descriptors of ${running.name}`, () => openDescriptors(running) <= allowed, 20_000);
    }
  }

  /** What the processes said last, for whoever looks for the cause of a failure. */
  printLogs(): void {
    for (const { name, log } of [...this.ended, ...this.apis, ...this.workers]) {
      process.stderr.write(`--- ${name}\n${log.slice(-LOG_LINES_SHOWN).join('\n')}\n`);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.apis, ...this.workers].map((running) => running.end('SIGKILL')));
    for (const step of this.undo.splice(0).reverse()) await step();
  }
}

function openDescriptors({ child }: Running): number {
  return readdirSync(`/proc/${child.pid}/fd`).length;
}

/** Runs with a cluster of its own, which is gone afterwards. */
export async function withCluster(
  options: ClusterOptions,
  run: (cluster: Cluster) => Promise<void>,
): Promise<void> {
  const cluster = await startCluster(options);
  try {
    await run(cluster);
  } catch (error) {
    cluster.printLogs();
    throw error;
  } finally {
    await cluster.close();
  }
}

/** Starts the servers, makes the database, and starts the processes. */
async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const undo: (() => unknown)[] = [];
  try {
    return await startParts(options, undo);
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw error;
  }
}

async function startParts(options: ClusterOptions, undo: (() => unknown)[]): Promise<Cluster> {
  const folder = mkdtempSync(path.join(tmpdir(), 'muster-faults-'));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  const { postgres, url } = await openDatabase(options, folder, undo);
  const direct = () => (postgres === undefined ? ownerUrl(url) : postgres.url);
  const audit = new pg.Client({ connectionString: direct() });
  await audit.connect();
  await audit.query(AUDIT);
  await audit.end();

  const database = await startTcpProxy(Number(new URL(direct()).port));
  undo.push(() => database.close());
  const proxied = new URL(url);
  proxied.port = String(database.port);
  const settings: Record<string, string> = {
    DATABASE_URL: proxied.href,
    API_KEY: KEY,
    USERS_PER_MINUTE: String(options.usersPerMinute ?? 6_000),
    ...options.settings,
  };
  let redis: RedisServer | undefined;
  let redisProxy: TcpProxy | undefined;
  if (options.backend === 'redis') {
    redis = await startRedis(folder, options.redisOptions);
    undo.push(() => redis?.kill());
    redisProxy = await startTcpProxy(redis.port);
    undo.push(() => redisProxy?.close());
    settings.REDIS_URL = `redis://127.0.0.1:${redisProxy.port}`;
  }
  const cluster = new Cluster(options.backend, settings, database, direct, postgres, redis, redisProxy, undo);
  undo.push(() => Promise.all([...cluster.apis, ...cluster.workers].map((one) => one.end('SIGKILL'))));
  const { apis = 1, workers = 1 } = options;
  // The first API makes the environment; the others find it.
  for (let n = 0; n < apis; n++) await cluster.start('api');
  await Promise.all(Array.from({ length: workers }, () => cluster.start('worker')));
  return cluster;
}

async function openDatabase(
  { postgres: own, postgresFolder }: ClusterOptions,
  folder: string,
  undo: (() => unknown)[],
): Promise<{ postgres: PostgresServer | undefined /** As the role that serves. */; url: string }> {
  if (own === undefined) {
    const url = await createDatabase();
    undo.push(() => dropDatabase(url));
    return { postgres: undefined, url };
  }
  const postgres = await startPostgres(postgresFolder ?? folder, own === true ? {} : own);
  undo.push(() => postgres.stop());
  const { serviceUrl } = postgres;
  await updateDatabase({ ownerUrl: postgres.url, serviceUrl, hasQueue: true });
  return { postgres, url: serviceUrl };
}
