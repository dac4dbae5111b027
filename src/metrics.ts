/**
 * What a process counts of its own work, in one registry; `/metrics` shows it. Sums over processes are Prometheus' work.
 * No label names a user or a job.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** The metrics of this process. */
export const registry = new Registry();
collectDefaultMetrics({ register: registry });
const registers = [registry];

/** Every limit that can refuse, cut off or put off somebody's work. docs/operations.md says what each one is. */
export const LIMITS = [
  'batch_halved',
  'column_count',
  'dry_runs',
  'events_per_key',
  'idle_reader',
  'long_polls_per_key',
  'page_bytes',
  'profile_bytes',
  'requests_per_key',
  'requests_per_socket',
  'stored_import_bytes',
  'streams_per_key',
  'unread_body',
  'upload_bytes',
  'uploads_per_key',
  'warnings',
] as const;

export type Limit = (typeof LIMITS)[number];

const limitHits = new Counter({
  name: 'muster_limit_hits_total',
  help: 'How often a limit was met.',
  labelNames: ['limit'] as const,
  registers,
});
for (const limit of LIMITS) limitHits.inc({ limit }, 0);

/** Counts that a limit was met. */
export function countLimitHit(limit: Limit): void {
  limitHits.inc({ limit });
}

const rows = new Counter({
  name: 'muster_rows_total',
  help: 'Rows of jobs that have ended, by what became of them.',
  labelNames: ['entity', 'outcome'] as const,
  registers,
});
const jobs = new Counter({
  name: 'muster_jobs_total',
  help: 'Jobs that have ended, by their final state.',
  labelNames: ['entity', 'status'] as const,
  registers,
});
const jobSeconds = new Histogram({
  name: 'muster_job_duration_seconds',
  help: 'From the acceptance of a job to its end.',
  labelNames: ['status'] as const,
  buckets: [0.5, 1, 5, 15, 60, 300, 900, 3_600, 14_400],
  registers,
});
const sliceSeconds = new Histogram({
  name: 'muster_slice_duration_seconds',
  help: 'Duration of the transaction of a slice that was committed.',
  buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15],
  registers,
});
const requestSeconds = new Histogram({
  name: 'muster_http_request_duration_seconds',
  help: 'From a request to the end of its answer, by route and status.',
  labelNames: ['route', 'status'] as const,
  buckets: [0.001, 0.005, 0.02, 0.05, 0.1, 0.5, 1, 5, 30, 60],
  registers,
});
const refused = new Counter({
  name: 'muster_refused_total',
  help: 'Requests that were answered with an error, by its code.',
  labelNames: ['code'] as const,
  registers,
});
const rescues = new Counter({
  name: 'muster_rescues_total',
  help: 'Jobs that nobody worked on and that were delivered again.',
  registers,
});
const ignoredEvents = new Counter({
  name: 'muster_ignored_events_total',
  help: 'Events of POST /v1/track that were accepted and not stored (TRACK=ignore).',
  registers,
});
const waitSeconds = new Counter({
  name: 'muster_rate_limit_wait_seconds_total',
  help: 'Seconds by which slices were put off by the rate limit of their environment.',
  registers,
});

/** Made when they are asked for: as many series as there are environments. */
let ofEnvironments:
  | {
      rows: Counter<'environment' | 'entity' | 'outcome'>;
      jobs: Counter<'environment' | 'entity' | 'status'>;
    }
  | undefined;

/** Counts by environment too, from now on (METRICS_ENVIRONMENTS). Repeatable. */
export function countByEnvironment(): void {
  ofEnvironments ??= {
    rows: new Counter({
      name: 'muster_environment_rows_total',
      help: 'Rows of jobs that have ended, by environment.',
      labelNames: ['environment', 'entity', 'outcome'] as const,
      registers,
    }),
    jobs: new Counter({
      name: 'muster_environment_jobs_total',
      help: 'Jobs that have ended, by environment.',
      labelNames: ['environment', 'entity', 'status'] as const,
      registers,
    }),
  };
}

/** What of a job is counted at its end. */
export interface EndedJob {
  entity: string;
  /** Slug of the job's environment. */
  environment: string;
  submittedAt: Date;
  createdRows: number;
  updatedRows: number;
  unchangedRows: number;
  failedRows: number;
}

/** Counts a job whose end has been committed, with its rows. */
export function countEndedJob(job: EndedJob, status: string): void {
  const { entity, environment, submittedAt, createdRows, updatedRows, unchangedRows, failedRows } = job;
  jobs.inc({ entity, status });
  ofEnvironments?.jobs.inc({ environment, entity, status });
  jobSeconds.observe({ status }, Math.max(0, (Date.now() - submittedAt.getTime()) / 1000));
  const counts = { created: createdRows, updated: updatedRows, unchanged: unchangedRows, failed: failedRows };
  for (const [outcome, count] of Object.entries(counts)) {
    rows.inc({ entity, outcome }, count);
    ofEnvironments?.rows.inc({ environment, entity, outcome }, count);
  }
}

/** Notes how long a slice took that was committed. */
export function observeSlice(seconds: number): void {
  sliceSeconds.observe(seconds);
}

/** Notes an answer. @param route pattern of the route, never a path; null when there is none */
export function observeRequest(route: string | null, status: number, seconds: number): void {
  requestSeconds.observe({ route: route ?? 'none', status: String(status) }, seconds);
}

/** Counts an error answer. @param code of the table in src/errors.ts */
export function countRefused(code: string): void {
  refused.inc({ code });
}

/** Counts a job that was delivered again. */
export function countRescue(): void {
  rescues.inc();
}

/** Counts an event that was ignored. Not by its name, of which there are as many as a client makes up. */
export function countIgnoredEvent(): void {
  ignoredEvents.inc();
}

/** Counts that a slice was put off. */
export function countRateLimitWait(seconds: number): void {
  waitSeconds.inc(seconds);
}

const GAUGES = {
  muster_database_connections: 'Connections of the pool to the database.',
  muster_database_connections_idle: 'Those of them that are idle.',
  muster_database_requests_waiting: 'Requests that wait for a connection of the pool.',
  muster_jobs_open: 'Jobs that have not ended.',
  muster_jobs_waiting: 'Jobs that wait for their turn or for a worker.',
  muster_oldest_waiting_seconds: 'Age of the oldest job that waits.',
  muster_stored_import_bytes: 'Bytes of the files and bodies of all jobs that are kept.',
} as const;

/**
 * All metrics with these gauges, in the text format.
 * @param values undefined = not known: the gauge is left out
 */
export async function gaugesOf(
  values: Record<keyof typeof GAUGES, number | undefined>,
): Promise<{ type: string; text: string }> {
  // A registry of its own: two scrapes at the same time never mix.
  const momentary = new Registry();
  for (const name of Object.keys(GAUGES) as (keyof typeof GAUGES)[]) {
    const value = values[name];
    if (value !== undefined) new Gauge({ name, help: GAUGES[name], registers: [momentary] }).set(value);
  }
  return { type: registry.contentType, text: `${await registry.metrics()}${await momentary.metrics()}` };
}
