/** How many rows a minute a job makes, as this page has seen it. Pure. */
import type { Job } from '#client/index';

export interface Sample {
  atMs: number;
  appliedRows: number;
}

export interface RatePoint {
  atMs: number;
  rowsPerMinute: number;
}

/** Over so long a rate is measured, as the limit is. */
const WINDOW_MS = 60_000;
/** Over less than that a single slice would be a spike. */
const LEAST_WINDOW_MS = 5_000;
const MAX_SAMPLES = 3_600;

/** Rows that failed do not count: most of them the check refuses, all at once and without a throttle. */
export function addSample(samples: readonly Sample[], job: Job, atMs: number): readonly Sample[] {
  const appliedRows = job.completed_rows - job.failed_rows;
  const isRunning = job.status === 'processing';
  const last = samples.at(-1);
  const isNews = last === undefined ? isRunning : appliedRows > last.appliedRows;
  if (!isNews) return samples;
  return [...samples, { atMs, appliedRows }].slice(-MAX_SAMPLES);
}

/**
 * The rate at each sample, measured over the minute before it; the first ones have none. The very first was seen at any
 * moment between two slices, all others right behind one: only between these is time worth as much as rows.
 */
export function ratesOf([, ...samples]: readonly Sample[]): RatePoint[] {
  const points: RatePoint[] = [];
  let oldest = 0;
  for (const [index, sample] of samples.entries()) {
    while (oldest < index - 1 && sample.atMs - (samples[oldest + 1]?.atMs ?? 0) >= WINDOW_MS) oldest++;
    const from = samples[oldest];
    if (from === undefined || sample.atMs - from.atMs < LEAST_WINDOW_MS) continue;
    const rows = sample.appliedRows - from.appliedRows;
    points.push({ atMs: sample.atMs, rowsPerMinute: (rows * 60_000) / (sample.atMs - from.atMs) });
  }
  return points;
}
