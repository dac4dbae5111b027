/**
 * Clients that call an environment's API at the same time, whatever happens to it, and write down what they were told.
 * Each import is sent under a file name of its own, so that its job is found whether or not there was an answer.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../../support/cluster';
import { seededRandom } from '../../support/seed';
import {
  appendCall,
  type Call,
  type CallAnswer,
  type HistoryRow,
  nowMs,
  type Operation,
  type Value,
} from './history';

export interface Environment {
  slug: string;
  key: string;
}

export interface ClientsOptions {
  cluster: Cluster;
  environment: Environment;
  /** Begins the names of users and files, so that what one history is about can be told from the rest. */
  prefix: string;
  /** Where calls are appended. */
  file: string;
}

const USERS = 40;
const KEYS = ['a', 'b', 'c'];
const IMPORTERS = 2;
const IDENTIFIERS = 2;
/** Every so manyth row has no valid id. */
const BAD_EVERY = 29;
const CALL_TIMEOUT_MS = 15_000;
const UNKNOWN_STATUS = 500;
/** Nothing in it may ever be seen in logs or the queue. */
const emailOf = (id: string) => `${id}@secret.example`;

type Pick = (count: number) => number;

/** All clients of one environment. */
export class Clients {
  readonly calls: Call[] = [];
  private readonly running: Promise<void>[] = [];
  private isStopping = false;
  private writes = 0;
  private files = 0;
  /** Jobs in the order in which they were accepted. */
  private readonly jobs: string[] = [];
  /** Jobs whose end a client has seen. */
  endedJobs = 0;
  private failure: unknown;

  constructor(private readonly options: ClientsOptions) {
    const { prefix, environment } = options;
    const start = (name: string, work: (client: string, pick: Pick) => Promise<void>) => {
      const random = seededRandom(prefix, environment.slug, name);
      this.running.push(this.loop(() => work(name, (count) => Math.floor(random() * count))));
    };
    for (let n = 1; n <= IMPORTERS; n++) start(`importer ${n}`, (client, pick) => this.import(client, pick));
    for (let n = 1; n <= IDENTIFIERS; n++)
      start(`identifier ${n}`, (client, pick) => this.identify(client, pick));
    start('controller', (client, pick) => this.control(client, pick));
    start('eraser', (client, pick) => this.erase(client, pick));
  }

  /** Ends when every call has its answer, or none is to be had. @throws what has stopped a client before */
  async stop(): Promise<void> {
    this.isStopping = true;
    await Promise.all(this.running);
    if (this.failure !== undefined) throw this.failure;
  }

  private async loop(work: () => Promise<void>): Promise<void> {
    try {
      while (!this.isStopping) await work();
    } catch (error) {
      this.failure ??= error;
    }
  }

  /** An import, now and then with others waiting before it. Followed to its end, so that the next one may be accepted. */
  private async import(client: string, pick: Pick): Promise<void> {
    const { prefix } = this.options;
    const file = `${prefix}-${client.replace(' ', '-')}-${++this.files}.ndjson`;
    const rows = Array.from({ length: 50 + pick(150) }, (_, n) => this.makeRow(n, pick));
    const replace = pick(5) === 0;
    const query = `?metadata=${replace ? 'replace' : 'merge'}&on_busy=${pick(3) === 0 ? 'queue' : 'reject'}`;
    const key = pick(3) === 0 ? undefined : file;
    const send = () => this.sendImport(client, { file, replace, rows }, query, key);
    let answer = await send();
    // With a key the same request again is answered as the first one would have been.
    while (key !== undefined && (answer === 'unknown' || answer.code === 'idempotency_key_in_flight')) {
      await sleep(200);
      answer = await send();
    }
    if (answer !== 'unknown' && answer.jobId !== undefined) await this.follow(answer.jobId);
    else await sleep(100 + pick(400));
  }

  private makeRow(n: number, pick: Pick): HistoryRow {
    const id = n % BAD_EVERY === BAD_EVERY - 1 ? null : this.pickUser(pick);
    return { id, set: this.makeSet(pick) };
  }

  private pickUser(pick: Pick): string {
    return `${this.options.prefix}-u${pick(USERS)}`;
  }

  /** One or two keys, and the number of the write. */
  private makeSet(pick: Pick): Record<string, Value> {
    const w = ++this.writes;
    const set: Record<string, Value> = { w };
    for (let n = 0; n <= pick(2); n++) set[KEYS[pick(KEYS.length)] as string] = pick(6) === 0 ? null : w;
    return set;
  }

  private sendImport(
    client: string,
    sent: { file: string; replace: boolean; rows: readonly HistoryRow[] },
    query: string,
    key: string | undefined,
  ): Promise<CallAnswer> {
    const lines = sent.rows.map(({ id, set }) =>
      // A row without a valid id names nobody.
      JSON.stringify(
        id === null
          ? { user_id: 0, metadata: set }
          : { user_id: id, metadata: { ...set, email: emailOf(id) } },
      ),
    );
    const form = new FormData();
    form.set('file', new Blob([lines.join('\n')]), sent.file);
    const headers: Record<string, string> = key === undefined ? {} : { 'Idempotency-Key': key };
    const operation: Operation = { operation: 'import', arguments: sent };
    return this.call(client, operation, 'POST', `/v1/users/bulk_identify${query}`, { body: form, headers });
  }

  private async follow(jobId: string): Promise<void> {
    this.jobs.push(jobId);
    while (!this.isStopping) {
      const { environment } = this.options;
      const answer = await this.send('GET', `/v1/background_jobs/${jobId}?wait=2`).catch(() => undefined);
      const body = answer?.body as { end_time?: string | null } | undefined;
      if (answer?.status === 200 && body?.end_time) {
        this.endedJobs++;
        return;
      }
      if (answer?.status === 404) throw new Error(`${environment.slug}: job ${jobId} is gone`);
      await sleep(100);
    }
  }

  private async identify(client: string, pick: Pick): Promise<void> {
    const [id, set] = [this.pickUser(pick), this.makeSet(pick)];
    await this.call(client, { operation: 'identify', arguments: { id, set } }, 'POST', '/v1/identify', {
      body: JSON.stringify({ user_id: id, metadata: { ...set, email: emailOf(id) } }),
    });
    await sleep(40 + pick(150));
  }

  private async erase(client: string, pick: Pick): Promise<void> {
    await sleep(1_000 + pick(3_000));
    const ids = [...new Set(Array.from({ length: 1 + pick(2) }, () => this.pickUser(pick)))];
    await this.call(client, { operation: 'erase', arguments: { ids } }, 'DELETE', '/v1/users', {
      body: JSON.stringify({ users: ids }),
    });
  }

  /** Cancels the job at work, or tries rows of an earlier one again. */
  private async control(client: string, pick: Pick): Promise<void> {
    await sleep(1_000 + pick(2_500));
    const jobId = this.jobs.at(-1 - pick(4));
    if (jobId === undefined) return;
    if (pick(5) < 2) {
      const answer = await this.call(
        client,
        { operation: 'cancel', arguments: { jobId } },
        'POST',
        `/v1/background_jobs/${jobId}/cancel`,
      );
      if (answer === 'unknown' || answer.status !== 202) return;
      await this.call(
        client,
        { operation: 'job', arguments: { jobId } },
        'GET',
        `/v1/background_jobs/${jobId}`,
      );
    } else {
      const answer = await this.call(
        client,
        { operation: 'retry', arguments: { jobId } },
        'POST',
        `/v1/background_jobs/${jobId}/retry?on_busy=queue`,
      );
      if (answer !== 'unknown' && answer.status === 202 && answer.jobId !== undefined)
        this.jobs.push(answer.jobId);
    }
  }

  /** Calls an API that is up, and writes down what it said. Never throws. */
  private async call(
    client: string,
    operation: Operation,
    method: string,
    path: string,
    init: RequestInit = {},
  ): Promise<CallAnswer> {
    const invokedAt = nowMs();
    const answer: CallAnswer = await this.send(method, path, init).then(
      ({ status, body }) => (status >= UNKNOWN_STATUS ? 'unknown' : readAnswer(status, body)),
      () => 'unknown',
    );
    const { slug: environment } = this.options.environment;
    const call: Call = { ...operation, environment, client, invokedAt, completedAt: nowMs(), answer };
    this.calls.push(call);
    appendCall(this.options.file, call);
    // An API that is away is not asked a hundred times a second.
    if (answer === 'unknown') await sleep(100);
    return answer;
  }

  private async send(
    method: string,
    path: string,
    init: RequestInit = {},
  ): Promise<{ status: number; body: unknown }> {
    const { cluster, environment } = this.options;
    const api = cluster.api(Math.floor(Math.random() * cluster.apis.length));
    const headers: Record<string, string> = {
      Authorization: `Token ${environment.key}`,
      ...(init.headers as Record<string, string>),
    };
    if (typeof init.body === 'string') headers['Content-Type'] = 'application/json';
    const signal = AbortSignal.timeout(CALL_TIMEOUT_MS);
    const answer = await fetch(`${api.url}${path}`, { ...init, method, headers, signal });
    return { status: answer.status, body: JSON.parse(await answer.text()) };
  }
}

function readAnswer(status: number, body: unknown): CallAnswer {
  const read = body as {
    job_id?: string;
    outcome?: string;
    completed_rows?: number;
    errors?: { error_code: string }[];
  };
  return {
    status,
    code: read.errors?.[0]?.error_code,
    jobId: read.job_id,
    outcome: read.outcome,
    completedRows: read.completed_rows,
  };
}
