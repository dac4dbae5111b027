/**
 * What a process counts of its own work, in one registry; `/metrics` shows it. Sums over processes are Prometheus' work.
 * No label names a user or a job.
 */
import { Counter, Registry } from 'prom-client';

/** The metrics of this process. */
export const registry = new Registry();

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
  'upload_bytes',
  'uploads_per_key',
  'warnings',
] as const;

export type Limit = (typeof LIMITS)[number];

const limitHits = new Counter({
  name: 'muster_limit_hits_total',
  help: 'How often a limit was met.',
  labelNames: ['limit'] as const,
  registers: [registry],
});
for (const limit of LIMITS) limitHits.inc({ limit }, 0);

/** Counts that a limit was met. */
export function countLimitHit(limit: Limit): void {
  limitHits.inc({ limit });
}
