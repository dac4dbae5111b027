/**
 * Every shape of data times every endpoint. Whatever one environment sends, stores or leaves unread: each endpoint answers,
 * every job ends, memory and transactions stay bounded, and a neighbour is served as ever.
 * The long form (npm run test:faults) has the sizes of the issue that this guards against; the short form is smaller.
 */
import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from '@jest/globals';
import { type Cluster, withCluster } from '../support/cluster';
import { callEndpoint, ENDPOINT_CALLS, type EndpointAnswer } from '../support/endpoints';
import { type Observed, watchLimits } from '../support/limit-watch';
import { killAll } from '../support/processes';
import { SHAPES } from '../support/shapes';

const IS_LONG = process.env.FAULTS === 'long';
const TIMEOUT_MS = IS_LONG ? 1_800_000 : 300_000;
const NEIGHBOUR_KEY = 'key-of-the-neighbour';

/** The oracles. */
const MAX_RESIDENT_MB = 512;
/** Times hold on a machine that does nothing else; the short form runs beside other tests. */
const MAX_TRANSACTION_MS = IS_LONG ? 5_000 : 20_000;
const MAX_NEIGHBOUR_MS = IS_LONG ? 1_000 : 10_000;

afterAll(killAll);

/** Another environment, with one small user. */
async function addNeighbour(cluster: Cluster): Promise<void> {
  const hash = createHash('sha256').update(NEIGHBOUR_KEY).digest();
  await cluster.query(
    `WITH e AS (INSERT INTO environments (slug) VALUES ('neighbour') RETURNING id),
       k AS (INSERT INTO api_keys (environment_id, prefix, hash) SELECT id, 'neighbour', $1 FROM e)
     INSERT INTO users (environment_id, user_id) SELECT id, 'neighbour' FROM e`,
    [hash],
  );
}

/** A line of the matrix, appended to the file SHAPES_REPORT when there is such a variable. */
function note(shape: string, observed: Observed, answers: readonly EndpointAnswer[]): void {
  const file = process.env.SHAPES_REPORT;
  if (file === undefined) return;
  const slowest = answers.reduce((a, b) => (a.ms > b.ms ? a : b));
  appendFileSync(file, `${JSON.stringify({ shape, ...observed, slowest })}\n`);
}

describe('Whatever the shape of the data, the service stays bounded and fair', () => {
  it.each(SHAPES)(
    'every endpoint answers, every job ends and the neighbour is served: $name',
    ({ name, make }) =>
      withCluster({ backend: 'postgresql', usersPerMinute: 0 }, async (cluster) => {
        await addNeighbour(cluster);
        const endWatch = await watchLimits(cluster, NEIGHBOUR_KEY);
        const { jobs, end } = await make(cluster, IS_LONG);
        const answers: EndpointAnswer[] = [];
        for (const call of ENDPOINT_CALLS) {
          answers.push(await callEndpoint(cluster, call, jobs.at(-1) ?? 'none'));
        }
        end?.();
        for (const { jobId } of answers) if (jobId !== undefined) await cluster.follow(jobId);
        const observed = await endWatch();
        note(name, observed, answers);
        expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
        expect(observed.neighbourRequests).toBeGreaterThan(observed.neighbourRefusals);
        if (IS_LONG) expect(observed.neighbourRefusals).toBe(0);
        expect(observed.slowestNeighbourMs).toBeLessThan(MAX_NEIGHBOUR_MS);
        expect(observed.longestTransactionMs).toBeLessThan(MAX_TRANSACTION_MS);
        expect(observed.apiMb).toBeLessThan(MAX_RESIDENT_MB);
        expect(observed.workerMb).toBeLessThan(MAX_RESIDENT_MB);
      }),
    TIMEOUT_MS,
  );
});
