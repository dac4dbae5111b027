/**
 * Workers are shared among environments, whatever stands in the queue. Time is simulated: what a delivery costs is given,
 * the order is what the database says; so these tests are the same on every machine.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger } from '#logger';
import { chooseWork } from '#pipeline/run-fairly';
import type { Delivery } from '#queue/delivery-queue';
import { ensureEnvironment } from '#store/api-keys';
import { openStore, type Store } from '#store/client';
import { beginWork, endWork, type Work } from '#store/worker-shares';
import { asOwner, createDatabase, dropDatabase } from '../support/database';
import { unique } from '../support/muster';

const logger = createLogger('test', 'silent');
let databaseUrl: string;
let store: Store;
beforeAll(async () => {
  databaseUrl = await createDatabase();
  store = openStore({ databaseUrl, connections: 4, logger });
});
afterAll(async () => {
  await store.close();
  await dropDatabase(databaseUrl);
});
beforeEach(() => asOwner(databaseUrl, 'TRUNCATE jobs, worker_shares, job_work, worker_clock'));

interface Tenant {
  environmentId: number;
  /** What one delivery of one of its jobs costs. */
  costMs: number;
  /** Of a throttled job: its next slice is due so long after the one before was. Undefined: it always goes on at once. */
  periodMs?: number;
  servedMs: number;
  /** How late each throttled slice began. */
  lateMs: number[];
}

interface SimulatedJob {
  id: string;
  tenant: Tenant;
  revision: number;
  dueMs: number;
}

/** Workers, a queue that is first in, first out, and the jobs' rows in the database. */
class Simulation {
  nowMs = 0;
  private readonly jobs = new Map<string, SimulatedJob>();
  private readonly queue: Delivery[] = [];
  private readonly delayed: (Delivery & { atMs: number })[] = [];
  private readonly busy: { work: Work; job: SimulatedJob; untilMs: number }[] = [];

  constructor(private readonly workers = 1) {}

  async tenant(
    costMs: number,
    { periodMs = undefined as number | undefined, jobs = 1 } = {},
  ): Promise<Tenant> {
    const environmentId = await ensureEnvironment(store, unique());
    const tenant: Tenant = { environmentId, costMs, servedMs: 0, lateMs: [], ...(periodMs && { periodMs }) };
    for (let n = 0; n < jobs; n++) await this.addJob(tenant, n);
    return tenant;
  }

  private async addJob(tenant: Tenant, dryRuns: number): Promise<void> {
    const job: SimulatedJob = { id: randomUUID(), tenant, revision: 0, dueMs: this.nowMs };
    await store.pool.query(
      `INSERT INTO jobs (id, environment_id, entity, file_size, total_rows, dry_run, holds_slot, dry_run_slot, due_at)
       VALUES ($1, $2, 'user', 1, 1, $3, NOT $3, $4, clock_timestamp() - interval '1 minute')`,
      [job.id, tenant.environmentId, dryRuns > 0, dryRuns > 0 ? dryRuns : null],
    );
    this.jobs.set(job.id, job);
    this.queue.push({ jobId: job.id, revision: 0 });
  }

  /** Goes on until so much time has passed. */
  async run(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    while (this.nowMs < endMs) {
      while (this.busy.length < this.workers && this.queue.length > 0) await this.takeDelivery();
      const next = Math.min(
        ...[...this.delayed.map(({ atMs }) => atMs), ...this.busy.map(({ untilMs }) => untilMs)],
      );
      this.nowMs = Math.min(next, endMs);
      await this.endBusy();
      await this.promote();
    }
  }

  private async takeDelivery(): Promise<void> {
    const delivery = this.queue.shift() as Delivery;
    const exchange = async () => void this.queue.push(delivery);
    const chosen = await chooseWork(delivery, { store, logger }, false, exchange);
    if (chosen.kind === 'nothing' || chosen.work === undefined) return;
    const job = this.jobs.get(chosen.delivery.jobId) as SimulatedJob;
    // It was exchanged for before: its own delivery finds it locked.
    const isLocked = this.busy.some((one) => one.job === job);
    if (isLocked && chosen.delivery === delivery) return;
    expect(isLocked).toBe(false);
    if (job.tenant.periodMs !== undefined) job.tenant.lateMs.push(this.nowMs - job.dueMs);
    this.busy.push({ work: chosen.work, job, untilMs: this.nowMs + job.tenant.costMs });
  }

  private async endBusy(): Promise<void> {
    for (const one of this.busy.filter(({ untilMs }) => untilMs <= this.nowMs)) {
      this.busy.splice(this.busy.indexOf(one), 1);
      const { job, work } = one;
      const { tenant } = job;
      tenant.servedMs += tenant.costMs;
      job.revision++;
      job.dueMs = tenant.periodMs === undefined ? this.nowMs : job.dueMs + tenant.periodMs;
      const delivery = { jobId: job.id, revision: job.revision };
      await this.setDue(job, job.dueMs <= this.nowMs);
      await endWork(store.pool, work, tenant.costMs);
      if (job.dueMs <= this.nowMs) this.queue.push(delivery);
      else this.delayed.push({ ...delivery, atMs: job.dueMs });
    }
  }

  private async promote(): Promise<void> {
    for (const one of this.delayed.filter(({ atMs }) => atMs <= this.nowMs)) {
      this.delayed.splice(this.delayed.indexOf(one), 1);
      const { jobId, revision } = one;
      await this.setDue(this.jobs.get(jobId) as SimulatedJob, true);
      this.queue.push({ jobId, revision });
    }
  }

  /** Well before or after now: the database has a clock of its own. */
  private async setDue({ id, revision }: SimulatedJob, isDue: boolean): Promise<void> {
    const due = isDue ? '-1 minute' : '1 day';
    await store.pool.query(
      'UPDATE jobs SET revision = $2, due_at = clock_timestamp() + $3::interval WHERE id = $1',
      [id, revision, due],
    );
  }
}

const many = <T>(times: number, make: () => Promise<T>) =>
  Array.from({ length: times }).reduce<Promise<T[]>>(
    async (made) => [...(await made), await make()],
    Promise.resolve([]),
  );

describe('one worker', () => {
  it('serves a throttled import within one delivery of its time, beside 40 environments that never stop', async () => {
    const simulation = new Simulation();
    const hogs = await many(40, () => simulation.tenant(500));
    await simulation.run(30_000);
    const neighbour = await simulation.tenant(10, { periodMs: 1_000 });
    await simulation.run(120_000);
    expect(neighbour.lateMs.length).toBeGreaterThanOrEqual(119);
    expect(Math.max(...neighbour.lateMs)).toBeLessThanOrEqual(510);
    const served = hogs.map(({ servedMs }) => servedMs);
    expect(Math.max(...served) - Math.min(...served)).toBeLessThanOrEqual(500);
  }, 60_000);

  it('gives an environment with three jobs no more than one with a single job', async () => {
    const simulation = new Simulation();
    const greedy = await simulation.tenant(500, { jobs: 3 });
    const modest = await simulation.tenant(300);
    await simulation.run(60_000);
    expect(Math.abs(greedy.servedMs - modest.servedMs)).toBeLessThanOrEqual(1_000);
  });

  it('does not pay an environment back for the time in which it had nothing to do, nor lets it wait for having worked', async () => {
    const simulation = new Simulation();
    const first = await simulation.tenant(500);
    await simulation.run(600_000);
    const before = first.servedMs;
    const second = await simulation.tenant(500);
    await simulation.run(10_000);
    expect(Math.abs(first.servedMs - before - second.servedMs)).toBeLessThanOrEqual(1_000);
  });

  it('limits an environment that wants more than its part to its part', async () => {
    const simulation = new Simulation();
    const hog = await simulation.tenant(500);
    const wanting = await simulation.tenant(90, { periodMs: 100 });
    await simulation.run(5_000);
    const modest = await simulation.tenant(20, { periodMs: 1_000 });
    await simulation.run(60_000);
    expect(Math.abs(hog.servedMs - wanting.servedMs)).toBeLessThanOrEqual(1_000);
    expect(Math.max(...modest.lateMs)).toBeLessThanOrEqual(600);
  });

  it('works on whatever is there when there is only one environment', async () => {
    const simulation = new Simulation();
    const only = await simulation.tenant(500, { jobs: 3 });
    await simulation.run(30_000);
    expect(only.servedMs).toBeGreaterThanOrEqual(29_500);
  });
});

it('those who come anew, however many, do not keep others waiting', async () => {
  const simulation = new Simulation();
  const old = await simulation.tenant(100, { periodMs: 1_000 });
  await simulation.run(3_000);
  for (let n = 0; n < 60; n++) {
    await simulation.tenant(90);
    await simulation.run(500);
  }
  expect(Math.max(...old.lateMs)).toBeLessThanOrEqual(5_000);
});

it('three workers share themselves among environments too, and never work on the same job', async () => {
  const simulation = new Simulation(3);
  const hogs = await many(10, () => simulation.tenant(500));
  await simulation.run(10_000);
  const neighbour = await simulation.tenant(10, { periodMs: 1_000 });
  await simulation.run(60_000);
  // Its first delivery takes its turn, as of everybody who had nothing yet, and the next ones make up for that.
  const { lateMs } = neighbour;
  expect(Math.max(...lateMs)).toBeLessThanOrEqual(2_500);
  expect(Math.max(...lateMs.slice(5))).toBeLessThanOrEqual(510);
  const served = hogs.map(({ servedMs }) => servedMs);
  expect(Math.max(...served) - Math.min(...served)).toBeLessThanOrEqual(1_000);
});

describe('a delivery', () => {
  const make = async (simulation: Simulation, costMs: number) => {
    const { environmentId } = await simulation.tenant(costMs);
    const { rows } = await store.pool.query('SELECT id FROM jobs WHERE environment_id = $1', [environmentId]);
    return { environmentId, jobId: rows[0].id as string };
  };
  const never = async () => {
    throw new Error('exchanged');
  };

  it('of an old revision or of a job that is gone is dropped', async () => {
    const { jobId } = await make(new Simulation(), 1);
    const choose = (delivery: Delivery) => chooseWork(delivery, { store, logger }, false, never);
    expect(await choose({ jobId, revision: 7 })).toEqual({ kind: 'nothing' });
    expect(await choose({ jobId: randomUUID(), revision: 0 })).toEqual({ kind: 'nothing' });
  });

  it('that was interrupted is worked on itself, and one whose exchange fails too', async () => {
    const simulation = new Simulation();
    const ahead = await make(simulation, 1);
    await make(simulation, 1);
    await beginWork(store.pool, { ...ahead, startMs: 0 });
    await endWork(store.pool, ahead, 60_000);
    const delivery = { jobId: ahead.jobId, revision: 0 };
    for (const wasInterrupted of [true, false]) {
      expect(await chooseWork(delivery, { store, logger }, wasInterrupted, never)).toMatchObject({
        kind: 'work',
        delivery,
      });
    }
  });

  it('is worked on when nothing is known of shares, because their tables cannot be used', async () => {
    const { jobId } = await make(new Simulation(), 1);
    await asOwner(databaseUrl, 'ALTER TABLE worker_shares RENAME TO gone');
    const delivery = { jobId, revision: 0 };
    expect(await chooseWork(delivery, { store, logger }, false, never)).toMatchObject({
      kind: 'work',
      delivery,
    });
    await asOwner(databaseUrl, 'ALTER TABLE gone RENAME TO worker_shares');
  });

  it('gives no way to a job whose worker is at it, until that worker must have died', async () => {
    const simulation = new Simulation();
    const [busy, own] = [await make(simulation, 1), await make(simulation, 1)];
    expect(await beginWork(store.pool, { ...busy, startMs: 0 })).toBe(true);
    await beginWork(store.pool, { ...own, startMs: 0 });
    await endWork(store.pool, own, 500);
    const exchanged: Delivery[] = [];
    const exchange = async (other: Delivery) => void exchanged.push(other);
    await chooseWork({ jobId: own.jobId, revision: 0 }, { store, logger }, false, exchange);
    expect(exchanged).toEqual([]);
    await store.pool.query("UPDATE job_work SET working_until = now() - interval '1 s'");
    await endWork(store.pool, own, 500);
    await chooseWork({ jobId: own.jobId, revision: 0 }, { store, logger }, false, exchange);
    expect(exchanged).toEqual([{ jobId: busy.jobId, revision: 0 }]);
  });

  it('gives no way to a job whose last try has failed: that one waits for its own delivery', async () => {
    const simulation = new Simulation();
    const [failing, own] = [await make(simulation, 1), await make(simulation, 1)];
    await store.pool.query('UPDATE jobs SET attempts = 1 WHERE id = $1', [failing.jobId]);
    await beginWork(store.pool, { ...own, startMs: 0 });
    await endWork(store.pool, own, 500);
    expect(
      await chooseWork({ jobId: own.jobId, revision: 0 }, { store, logger }, false, never),
    ).toMatchObject({
      delivery: { jobId: own.jobId },
    });
  });
});
