/**
 * Two APIs, two workers, two environments with several clients each that import, identify, erase, cancel and retry at the
 * same time, and one random fault after the other, each healed after a while. What the clients were told is kept in a
 * history, from which a checker decides whether the final state is one that keeps every promise.
 *
 * FAULT_ROUNDS says how many faults; FAULT_SEED (printed) makes the same choices come again; FAULT_HISTORY names a folder
 * where histories stay. Without it they stay only when something is wrong.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { createLogger } from '../../src/logger';
import { ensureEnvironment, ensureKey } from '../../src/store/api-keys';
import { openStore } from '../../src/store/client';
import { type Cluster, KEY, withCluster } from '../support/cluster';
import { noteFaultRun } from '../support/fault-report';
import { BACKENDS, type Backend } from '../support/muster';
import { killAll } from '../support/processes';
import { SEED, seededRandom } from '../support/seed';
import { waitFor } from '../support/wait';
import { checkHistory, type Violation } from './history/check-history';
import { Clients, type Environment } from './history/clients';
import { explain } from './history/explain';
import { collectState, noteCommits } from './history/final-state';
import { faultsOf } from './random-faults';

const ROUNDS = Number(process.env.FAULT_ROUNDS ?? '2');
/** Faults of one history: few enough that what a fault has broken is not written over. */
const ROUNDS_PER_HISTORY = 4;
const ROUND_TIMEOUT_MS = 180_000;
const RECOVERY_TIMEOUT_MS = 100_000;
/** Sessions whose connection is half-open stay at the server until its keepalive gives them up, beside those that replace them. */
const POSTGRES = { max_connections: '300' };
const ENVIRONMENTS: readonly Environment[] = [
  { key: KEY, slug: 'default' },
  { key: 'key-for-the-other-environment', slug: 'other' },
];

afterAll(killAll);

async function addOtherEnvironment({ settings }: Cluster): Promise<void> {
  const logger = createLogger('test', 'silent');
  const store = openStore({ databaseUrl: settings.DATABASE_URL ?? '', connections: 1, logger });
  for (const { slug, key } of ENVIRONMENTS.slice(1)) {
    await ensureKey(store, await ensureEnvironment(store, slug), key);
  }
  await store.close();
}

for (const backend of BACKENDS) {
  it.concurrent(
    `${backend}: ${ROUNDS} random faults, seed ${SEED}: the final state is one that the clients' history explains`,
    () =>
      withCluster(
        {
          backend,
          apis: 2,
          workers: 2,
          postgres: { settings: POSTGRES },
          settings: { IDENTIFY_PER_MINUTE: '0' },
        },
        async (cluster) => {
          await addOtherEnvironment(cluster);
          await noteCommits(cluster);
          const random = seededRandom('rounds', backend);
          for (let done = 0; done < ROUNDS; done += ROUNDS_PER_HISTORY) {
            const rounds = Math.min(ROUNDS_PER_HISTORY, ROUNDS - done);
            await runEpoch(cluster, { backend, rounds, name: `${backend}-${done}`, random });
          }
          await cluster.expectNothingPersonal();
          await cluster.expectDescriptorsBack();
        },
      ),
    ROUNDS * ROUND_TIMEOUT_MS,
  );
}

interface EpochOptions {
  backend: Backend;
  rounds: number;
  /** Begins the names of its users and files. */
  name: string;
  random: () => number;
}

/** Runs clients and faults, stops the clients, and checks what they have left. */
async function runEpoch(cluster: Cluster, options: EpochOptions): Promise<void> {
  const folder = historyFolder(options.name);
  const faults: string[] = [];
  try {
    await runAndCheck(cluster, options, folder, faults);
  } catch (error) {
    const { stack } = error as Error;
    throw new Error(`FAULT_SEED=${SEED}, faults: ${faults.join(', ')}. History: ${folder}\n${stack}`);
  }
  if (process.env.FAULT_HISTORY === undefined) rmSync(folder, { recursive: true });
}

/** @param faults to which the injected ones are added */
async function runAndCheck(
  cluster: Cluster,
  { backend, rounds, name, random }: EpochOptions,
  folder: string,
  faults: string[],
): Promise<void> {
  const file = path.join(folder, 'history.ndjson');
  const clients = ENVIRONMENTS.map(
    (environment) => new Clients({ cluster, environment, prefix: name, file }),
  );
  const recoveriesMs: number[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      recoveriesMs.push(await runRound(cluster, clients, backend, random, faults));
    }
  } finally {
    await Promise.all(clients.map((one) => one.stop()));
  }
  const calls = clients.flatMap((one) => one.calls);
  const state = await collectState(cluster, ENVIRONMENTS, name);
  writeFileSync(path.join(folder, 'state.json'), JSON.stringify(state));
  const violations = checkHistory(calls, state);
  const verdict = countByKind(violations);
  for (const [round, fault] of faults.entries()) {
    const recoveryMs = recoveriesMs[round];
    noteFaultRun({ fault: `random: ${fault}`, backend, injections: 1, verdict, recoveryMs });
  }
  if (violations.length > 0) throw new Error(explain(violations, calls, state));
  expect(state.jobs.length).toBeGreaterThan(0);
  expect(state.commits.length).toBeGreaterThan(0);
}

function historyFolder(name: string): string {
  const { FAULT_HISTORY } = process.env;
  if (FAULT_HISTORY === undefined) return mkdtempSync(path.join(tmpdir(), `muster-history-${name}-`));
  const folder = path.join(FAULT_HISTORY, name);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/**
 * One fault, from some moment of the clients' work until jobs end again in each environment.
 * @returns how long the latter took, in milliseconds
 */
async function runRound(
  cluster: Cluster,
  clients: readonly Clients[],
  backend: Backend,
  random: () => number,
  faults: string[],
): Promise<number> {
  const pick = (count: number) => Math.floor(random() * count);
  const until = (ms: number) => {
    const at = performance.now() + ms;
    return waitFor('the time', () => performance.now() >= at);
  };
  const choice = faultsOf(backend);
  const [fault, inject] = choice[pick(choice.length)] as (typeof choice)[number];
  faults.push(fault);
  await until(500 + random() * 2_500);
  const heal = await inject(cluster, pick);
  await until(1_000 + random() * 8_000);
  await heal();
  const healed = performance.now();
  const ended = clients.map((one) => one.endedJobs);
  const hasRecovered = () => clients.every((one, n) => one.endedJobs > (ended[n] ?? 0));
  await waitFor(`work after "${fault}"`, hasRecovered, RECOVERY_TIMEOUT_MS);
  return performance.now() - healed;
}

/** Violations as the four sets of the report; what is none of the other three counts as unexpected. */
function countByKind(violations: readonly Violation[]) {
  const count = (...kinds: Violation['kind'][]) =>
    violations.filter(({ kind }) => kinds.includes(kind)).length;
  return {
    lost: count('lost', 'not final'),
    duplicated: count('doubled', 'counts'),
    unexpected: count('unexpected', 'cancel', 'retry'),
    stale: count('stale', 'erased user back'),
  };
}
