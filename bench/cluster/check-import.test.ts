/** What the cluster calls wrong, and how it words the pace. A database that answers by heart: only the answers matter. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Queryable } from '#store/client';
import type { Commit } from '../windows';
import { checkImport } from './check-import';
import type { ClusterEnvironment } from './make-environments';

const USERS = Array.from({ length: 90 }, (_, index) => ({
  user_id: `user-${index}`,
  company_id: 'company-1',
  metadata: { seats: index },
}));
const ENVIRONMENT: ClusterEnvironment = {
  slug: 'environment-01',
  key: 'a key',
  ndjson: Buffer.from(USERS.map((user) => `${JSON.stringify(user)}\n`).join('')),
  rows: USERS.length,
};

let job: Record<string, unknown>;
let commits: Commit[];
let stored: { userId: string; companyId: string | null; metadata: string }[];

beforeEach(() => {
  job = { status: 'completed', created: 90, failed: 0, seconds: 2, endedAtMs: 2000 };
  commits = [0, 1000, 2000].map((atMs) => ({ atMs, rows: 30 }));
  stored = USERS.map((user) => ({
    userId: user.user_id,
    companyId: user.company_id,
    metadata: JSON.stringify(user.metadata),
  }));
});

function check(usersPerMinute = 1800) {
  const answer = (text: string) => {
    if (text.includes('FROM jobs')) return [job];
    return text.includes('FROM row_results') ? commits : stored;
  };
  const database = { query: async (text: string) => ({ rows: answer(text) }) } as unknown as Queryable;
  return checkImport(database, ENVIRONMENT, 'a job', usersPerMinute);
}

describe('checkImport', () => {
  it('finds nothing wrong with users that arrived as sent, and the limit as the pace', async () => {
    expect(await check()).toMatchObject({ faults: [], rows: 90, rowsPerMinute: 1800, mostInAMinute: 90 });
  });

  it('knows no pace when all was written at once', async () => {
    commits = [{ atMs: 0, rows: 90 }];
    expect(await check()).toMatchObject({ faults: [], rowsPerMinute: undefined });
  });

  it('counts users that are missing, changed or strange', async () => {
    stored = [{ userId: 'stranger', companyId: null, metadata: '{}' }, ...stored.slice(2)];
    Object.assign(stored[1] ?? {}, { metadata: '{"seats": 7}' });
    Object.assign(stored[2] ?? {}, { companyId: 'company-2' });
    expect((await check()).faults).toEqual([
      '2 users are missing',
      '2 users have other values than were sent',
      '1 users were never sent',
    ]);
  });

  it('says that a minute had too many rows', async () => {
    expect((await check(60)).faults).toEqual(['90 rows were written within 60 s, the limit is 60']);
    expect((await check(0)).faults).toEqual([]);
  });

  it('says that the job did not end well', async () => {
    Object.assign(job, { status: 'failed', created: 60, failed: 30 });
    expect((await check()).faults).toEqual([
      'the job is failed',
      '60 of 90 users were created',
      '30 rows failed',
    ]);
  });
});
