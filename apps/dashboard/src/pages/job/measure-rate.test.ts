/** The rate is what was seen, without the spikes that come of how it was seen. */
import { expect, it } from '@jest/globals';
import type { Job } from '#client/index';
import { addSample, ratesOf, type Sample } from './measure-rate';

const job = (status: Job['status'], completedRows: number, failedRows = 0) =>
  ({ status, completed_rows: completedRows, failed_rows: failedRows }) as Job;

function samplesOf(seconds: number, rowsASecond: number): readonly Sample[] {
  let samples: readonly Sample[] = [];
  for (let second = 0; second <= seconds; second++) {
    samples = addSample(samples, job('processing', second * rowsASecond), second * 1_000);
  }
  return samples;
}

it('30 rows a second are 1,800 a minute, at every point', () => {
  const rates = ratesOf(samplesOf(60, 30)).map(({ rowsPerMinute }) => rowsPerMinute);
  expect(rates.length).toBeGreaterThan(50);
  expect(new Set(rates)).toEqual(new Set([1_800]));
});

it('rows that the check refuses are counted at once, and are no rate', () => {
  let samples = addSample([], job('queued', 0), 0);
  samples = addSample(samples, job('validating', 500, 500), 1_000);
  samples = addSample(samples, job('processing', 500, 500), 1_100);
  samples = addSample(samples, job('processing', 515, 500), 1_300);
  samples = addSample(samples, job('processing', 895, 700), 7_300);
  expect(ratesOf(samples)).toEqual([{ atMs: 7_300, rowsPerMinute: 1_800 }]);
});

it('a job that was over when it was first seen has no rate', () => {
  expect(ratesOf(addSample([], job('completed', 500), 0))).toEqual([]);
});
