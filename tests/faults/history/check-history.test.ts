/** The checker bites: of histories that no correct service can have, each is refused for what is wrong with it. */
import { describe, expect, it } from '@jest/globals';
import { checkHistory, type Violation } from './check-history';
import { explain } from './explain';
import type { Call, CallAnswer, FinalJob, FinalState, HistoryRow, Operation, Value } from './history';

const ENVIRONMENT = 'default';

const call = (operation: Operation, invokedAt: number, completedAt: number, answer: CallAnswer): Call => ({
  ...operation,
  environment: ENVIRONMENT,
  client: 'client',
  invokedAt,
  completedAt,
  answer,
});

const row = (id: string | null, w: number, set: Record<string, Value> = { a: w }): HistoryRow => ({
  id,
  set: { w, ...set },
});

const sendImport = (
  file: string,
  rows: HistoryRow[],
  from: number,
  to: number,
  answer: CallAnswer,
  replace = false,
) => call({ operation: 'import', arguments: { file, replace, rows } }, from, to, answer);

const identify = (id: string, w: number, from: number, to: number, answer: CallAnswer = { status: 202 }) =>
  call({ operation: 'identify', arguments: { id, set: { w, a: w } } }, from, to, answer);

const erase = (id: string, from: number, to: number, answer: CallAnswer = { status: 202 }) =>
  call({ operation: 'erase', arguments: { ids: [id] } }, from, to, answer);

type Result = FinalJob['results'][number];

/** A job whose counts are those of its results. */
function job(
  jobId: string,
  file: string,
  startedAt: number,
  endedAt: number,
  results: Result[],
  more: Partial<FinalJob> = {},
): FinalJob {
  const count = (outcome: string) => results.filter((result) => result.outcome === outcome).length;
  return {
    environment: ENVIRONMENT,
    jobId,
    parentJobId: null,
    file,
    status: 'completed',
    errorCode: null,
    startedAt,
    endedAt,
    totalRows: results.length,
    completedRows: results.length - count('unprocessed'),
    counts: {
      created: count('created'),
      updated: count('updated'),
      unchanged: count('unchanged'),
      failed: count('failed'),
    },
    results,
    ...more,
  };
}

const result = (line: number, id: string | null, outcome: string, erased = false): Result => ({
  line,
  id,
  outcome,
  erased,
});

/** What is stored when these users have these values, after these commits. */
function state(
  jobs: FinalJob[],
  users: Record<string, Record<string, number>>,
  commits: [id: string, w: Value][],
): FinalState {
  return {
    jobs,
    users: Object.entries(users).map(([id, values]) => ({ environment: ENVIRONMENT, id, values })),
    commits: commits.map(([id, w]) => ({ environment: ENVIRONMENT, id, w })),
  };
}

const kinds = (violations: Violation[]): string[] => [...new Set(violations.map(({ kind }) => kind))];

/** An import of two users and a bad row, after it a single call for one of them, then the other is erased. */
const CALLS = [
  sendImport('f1', [row('u1', 1), row(null, 2), row('u2', 3, { a: 3, b: 3 })], 100, 150, {
    status: 202,
    jobId: 'j1',
  }),
  identify('u1', 4, 1_000, 1_010),
  erase('u2', 2_000, 2_010),
];
const JOB = job('j1', 'f1', 200, 500, [
  result(1, 'u1', 'created'),
  result(2, null, 'failed'),
  result(3, null, 'created', true),
]);
const COMMITS: [string, Value][] = [
  ['u1', 1],
  ['u2', 3],
  ['u1', 4],
  ['u2', null],
];
const GOOD = state([JOB], { u1: { w: 4, a: 4 } }, COMMITS);

describe('a history that is explained', () => {
  it('has no violation', () => {
    expect(checkHistory(CALLS, GOOD)).toEqual([]);
  });

  it('may end with either of two writes at the same time', () => {
    const calls = [identify('u', 1, 0, 100), identify('u', 2, 50, 150)];
    expect(
      checkHistory(
        calls,
        state([], { u: { w: 1, a: 1 } }, [
          ['u', 2],
          ['u', 1],
        ]),
      ),
    ).toEqual([]);
    expect(
      checkHistory(
        calls,
        state([], { u: { w: 2, a: 2 } }, [
          ['u', 1],
          ['u', 2],
        ]),
      ),
    ).toEqual([]);
  });

  it('may or may not hold a write without an answer, however late', () => {
    const calls = [identify('u', 1, 0, 10, 'unknown'), identify('u', 2, 50, 60)];
    expect(checkHistory(calls, state([], { u: { w: 2, a: 2 } }, [['u', 2]]))).toEqual([]);
    expect(
      checkHistory(
        calls,
        state([], { u: { w: 1, a: 1 } }, [
          ['u', 2],
          ['u', 1],
        ]),
      ),
    ).toEqual([]);
  });

  it('may have the user of an erasure that a later or a concurrent write has made anew', () => {
    for (const start of [15, 30]) {
      const calls = [identify('u', 1, 0, 5), erase('u', 10, 20), identify('u', 2, start, 40)];
      expect(
        checkHistory(
          calls,
          state([], { u: { w: 2, a: 2 } }, [
            ['u', 1],
            ['u', null],
            ['u', 2],
          ]),
        ),
      ).toEqual([]);
    }
  });

  it('may have a job of an import without an answer, or none', () => {
    const calls = [sendImport('f', [row('u', 1)], 0, 10, 'unknown')];
    expect(checkHistory(calls, state([], {}, []))).toEqual([]);
    const made = job('j', 'f', 5, 20, [result(1, 'u', 'created')]);
    expect(checkHistory(calls, state([made], { u: { w: 1, a: 1 } }, [['u', 1]]))).toEqual([]);
  });

  it('may hold a row twice that two retries of one job have written', () => {
    const calls = [
      sendImport('f', [row('u', 1)], 0, 10, { status: 202, jobId: 'j' }),
      call({ operation: 'cancel', arguments: { jobId: 'j' } }, 20, 30, { status: 202 }),
      ...['k', 'l'].map((jobId) =>
        call({ operation: 'retry', arguments: { jobId: 'j' } }, 40, 50, { status: 202, jobId }),
      ),
    ];
    const canceled = { status: 'failed', errorCode: 'canceled' };
    const parent = job('j', 'f', 5, 25, [result(1, 'u', 'unprocessed')], canceled);
    const first = job('k', 'f', 50, 60, [result(1, 'u', 'created')], { parentJobId: 'j' });
    const second = (outcome: string) =>
      job('l', 'f', 70, 80, [result(1, 'u', outcome)], { parentJobId: 'j' });
    const users = { u: { w: 1, a: 1 } };
    expect(checkHistory(calls, state([parent, first, second('unchanged')], users, [['u', 1]]))).toEqual([]);
    const between = [...calls, identify('u', 2, 62, 65)];
    const back = state([parent, first, second('updated')], users, [
      ['u', 1],
      ['u', 2],
      ['u', 1],
    ]);
    expect(checkHistory(between, back)).toEqual([]);
    const thrice = { ...back, commits: [...back.commits, ...back.commits.slice(2)] };
    expect(kinds(checkHistory(between, thrice))).toEqual(['doubled']);
  });

  it('may hold only the last of several rows of a user that were committed together', () => {
    const calls = [sendImport('f', [row('u', 1), row('u', 2, { b: 2 })], 0, 10, { status: 202, jobId: 'j' })];
    const made = job('j', 'f', 5, 20, [result(1, 'u', 'created'), result(2, 'u', 'updated')]);
    expect(checkHistory(calls, state([made], { u: { w: 2, a: 1, b: 2 } }, [['u', 2]]))).toEqual([]);
  });
});

describe('a history is refused', () => {
  it('when an acknowledged write is lost', () => {
    const lost = state(
      [JOB],
      { u1: { w: 1, a: 1 } },
      COMMITS.filter(([, w]) => w !== 4),
    );
    expect(kinds(checkHistory(CALLS, lost))).toEqual(['lost', 'stale']);
    expect(kinds(checkHistory(CALLS, state([JOB], {}, COMMITS)))).toEqual(['lost']);
  });

  it('when one key of an acknowledged write is lost', () => {
    const torn = state([JOB], { u1: { w: 4, a: 1 } }, COMMITS);
    expect(kinds(checkHistory(CALLS, torn))).toEqual(['stale']);
  });

  it('when an older value has won', () => {
    const stale = state([JOB], { u1: { w: 1, a: 1 } }, [
      ['u2', 3],
      ['u1', 4],
      ['u1', 1],
      ['u2', null],
    ]);
    expect(kinds(checkHistory(CALLS, stale))).toEqual(['stale']);
  });

  it('when an older value had won for a moment', () => {
    const calls = [identify('u', 1, 0, 10), identify('u', 2, 20, 30), identify('u', 3, 40, 50)];
    const moment = state([], { u: { w: 3, a: 3 } }, [
      ['u', 2],
      ['u', 1],
      ['u', 3],
    ]);
    expect(kinds(checkHistory(calls, moment))).toEqual(['stale']);
  });

  it('when a row of an import is applied after a later row of its file', () => {
    const calls = [sendImport('f', [row('u', 1), row('u', 2)], 0, 10, { status: 202, jobId: 'j' })];
    const made = job('j', 'f', 5, 20, [result(1, 'u', 'created'), result(2, 'u', 'updated')]);
    expect(
      kinds(
        checkHistory(
          calls,
          state([made], { u: { w: 1, a: 1 } }, [
            ['u', 2],
            ['u', 1],
          ]),
        ),
      ),
    ).toEqual(['stale']);
  });

  it('when a value is stored that nobody has sent', () => {
    const calls = [identify('u', 1, 0, 10)];
    expect(kinds(checkHistory(calls, state([], { u: { w: 1, a: 1, b: 9 } }, [['u', 1]])))).toEqual([
      'unexpected',
    ]);
    expect(kinds(checkHistory(calls, state([], { u: { w: 1, a: 1 }, v: { w: 2 } }, [['u', 1]])))).toEqual([
      'unexpected',
    ]);
  });

  it('when a refused write is stored', () => {
    const calls = [identify('u', 1, 0, 10), identify('u', 2, 20, 30, { status: 429 })];
    const refused = state([], { u: { w: 2, a: 2 } }, [
      ['u', 1],
      ['u', 2],
    ]);
    expect(kinds(checkHistory(calls, refused))).toEqual(['unexpected']);
  });

  it('when an erased user is back', () => {
    const back = state([JOB], { u1: { w: 4, a: 4 }, u2: { w: 3, a: 3, b: 3 } }, COMMITS);
    expect(kinds(checkHistory(CALLS, back))).toEqual(['erased user back']);
  });

  it('when an erased user is back by a row that was accepted before and applied afterwards', () => {
    const calls = [sendImport('f', [row('u', 1)], 0, 10, { status: 202, jobId: 'j' }), erase('u', 20, 30)];
    const late = job('j', 'f', 40, 50, [result(1, 'u', 'created')]);
    expect(kinds(checkHistory(calls, state([late], { u: { w: 1, a: 1 } }, [['u', 1]])))).toEqual([
      'erased user back',
    ]);
  });

  it('when metadata that was replaced is still there', () => {
    const calls = [
      identify('u', 1, 0, 5),
      sendImport('f', [row('u', 2, { b: 2 })], 10, 20, { status: 202, jobId: 'j' }, true),
    ];
    const made = job('j', 'f', 30, 40, [result(1, 'u', 'updated')]);
    const left = state([made], { u: { w: 2, a: 1, b: 2 } }, [
      ['u', 1],
      ['u', 2],
    ]);
    expect(kinds(checkHistory(calls, left))).toEqual(['stale']);
  });

  it('when a row is committed twice', () => {
    const twice = state([JOB], { u1: { w: 4, a: 4 } }, [['u1', 1], ...COMMITS]);
    expect(kinds(checkHistory(CALLS, twice))).toEqual(['doubled']);
  });

  it('when a row is counted twice', () => {
    const counted = { ...JOB, completedRows: 4, counts: { ...JOB.counts, created: 3 } };
    expect(kinds(checkHistory(CALLS, { ...GOOD, jobs: [counted] }))).toEqual(['lost', 'counts']);
    const results = [...JOB.results, result(3, null, 'created', true)];
    const again = job('j1', 'f1', 200, 500, results, { totalRows: 3 });
    expect(kinds(checkHistory(CALLS, { ...GOOD, jobs: [again] }))).toContain('doubled');
  });

  it('when a row is found unchanged, which no row can be the first time', () => {
    const [, ...others] = JOB.results;
    const unchanged = job('j1', 'f1', 200, 500, [result(1, 'u1', 'unchanged'), ...others]);
    expect(kinds(checkHistory(CALLS, { ...GOOD, jobs: [unchanged] }))).toEqual(['doubled']);
  });

  it('when a user is created twice without an erasure between', () => {
    const calls = [
      identify('u', 1, 0, 10, { status: 202, outcome: 'created' }),
      identify('u', 2, 20, 30, { status: 202, outcome: 'created' }),
    ];
    expect(
      kinds(
        checkHistory(
          calls,
          state([], { u: { w: 2, a: 2 } }, [
            ['u', 1],
            ['u', 2],
          ]),
        ),
      ),
    ).toEqual(['doubled']);
  });

  it('when an accepted import has no job, one without an end, or one that gave up', () => {
    const nothing = checkHistory(CALLS.slice(0, 1), state([], {}, []));
    expect(kinds(nothing)).toEqual(['lost']);
    const running = { ...JOB, status: 'processing', endedAt: null };
    expect(kinds(checkHistory(CALLS, { ...GOOD, jobs: [running] }))).toContain('not final');
    const failed = { ...JOB, status: 'failed', errorCode: 'internal' };
    expect(kinds(checkHistory(CALLS, { ...GOOD, jobs: [failed] }))).toEqual(['lost']);
  });

  it('when there is a job of a refused import, a second one, or one of nobody', () => {
    const refused = [
      sendImport('f1', CALLS[0]?.operation === 'import' ? [...CALLS[0].arguments.rows] : [], 100, 150, {
        status: 409,
      }),
      ...CALLS.slice(1),
    ];
    expect(kinds(checkHistory(refused, GOOD))).toContain('unexpected');
    expect(kinds(checkHistory(CALLS, { ...GOOD, jobs: [JOB, { ...JOB, jobId: 'j2' }] }))).toContain(
      'unexpected',
    );
    expect(kinds(checkHistory(CALLS, { ...GOOD, jobs: [JOB, { ...JOB, jobId: 'j2', file: 'f2' }] }))).toEqual(
      ['unexpected'],
    );
  });

  it('when a right row has failed or a wrong one was written', () => {
    const [first, bad, third] = JOB.results as [Result, Result, Result];
    const failed = job('j1', 'f1', 200, 500, [{ ...first, outcome: 'failed' }, bad, third]);
    expect(kinds(checkHistory(CALLS, { ...GOOD, jobs: [failed] }))).toContain('lost');
    const written = job('j1', 'f1', 200, 500, [first, { ...bad, outcome: 'created' }, third]);
    expect(kinds(checkHistory(CALLS, { ...GOOD, jobs: [written] }))).toEqual(['unexpected']);
  });

  it('when a canceled job has written on, or was canceled by nobody', () => {
    const rows = [row('u', 1), row('v', 2)];
    const calls = [
      sendImport('f', rows, 0, 10, { status: 202, jobId: 'j' }),
      call({ operation: 'cancel', arguments: { jobId: 'j' } }, 30, 40, { status: 202 }),
      call({ operation: 'job', arguments: { jobId: 'j' } }, 50, 60, { status: 200, completedRows: 1 }),
    ];
    const canceled = { status: 'failed', errorCode: 'canceled' };
    const one = job('j', 'f', 5, 35, [result(1, 'u', 'created'), result(2, 'v', 'unprocessed')], canceled);
    const good = state([one], { u: { w: 1, a: 1 } }, [['u', 1]]);
    expect(checkHistory(calls, good)).toEqual([]);
    expect(kinds(checkHistory(calls.slice(0, 1), good))).toEqual(['cancel']);
    const both = job('j', 'f', 5, 35, [result(1, 'u', 'created'), result(2, 'v', 'created')], canceled);
    const users = { u: { w: 1, a: 1 }, v: { w: 2, a: 2 } };
    expect(
      kinds(
        checkHistory(
          calls,
          state([both], users, [
            ['u', 1],
            ['v', 2],
          ]),
        ),
      ),
    ).toEqual(['cancel']);
    const completed = { ...both, status: 'completed', errorCode: null };
    expect(
      kinds(
        checkHistory(
          calls,
          state([completed], users, [
            ['u', 1],
            ['v', 2],
          ]),
        ),
      ),
    ).toEqual(['cancel']);
    // Written, though its result says that it was not.
    expect(
      kinds(
        checkHistory(
          calls,
          state([one], users, [
            ['u', 1],
            ['v', 2],
          ]),
        ),
      ),
    ).toEqual(['unexpected']);
  });

  it('when a retry has a row that its parent has written, or was asked for by nobody', () => {
    const rows = [row('u', 1), row('v', 2)];
    const calls = [
      sendImport('f', rows, 0, 10, { status: 202, jobId: 'j' }),
      call({ operation: 'cancel', arguments: { jobId: 'j' } }, 30, 40, { status: 202 }),
      call({ operation: 'retry', arguments: { jobId: 'j' } }, 50, 60, { status: 202, jobId: 'k' }),
    ];
    const parent = job('j', 'f', 5, 35, [result(1, 'u', 'created'), result(2, 'v', 'unprocessed')], {
      status: 'failed',
      errorCode: 'canceled',
    });
    const users = { u: { w: 1, a: 1 }, v: { w: 2, a: 2 } };
    const commits: [string, Value][] = [
      ['u', 1],
      ['v', 2],
    ];
    const retry = (results: Result[]) => job('k', 'f', 70, 80, results, { parentJobId: 'j' });
    const good = state([parent, retry([result(2, 'v', 'created')])], users, commits);
    expect(checkHistory(calls, good)).toEqual([]);
    expect(kinds(checkHistory(calls.slice(0, 2), good))).toEqual(['unexpected']);
    const again = retry([result(1, 'u', 'updated'), result(2, 'v', 'created')]);
    expect(kinds(checkHistory(calls, state([parent, again], users, commits)))).toEqual(['retry']);
    expect(kinds(checkHistory(calls, state([parent], { u: { w: 1, a: 1 } }, [['u', 1]])))).toEqual(['lost']);
  });

  it('with the writes of the user that it is about', () => {
    const bad = state([JOB], { u1: { w: 1, a: 1 } }, [
      ['u2', 3],
      ['u1', 4],
      ['u1', 1],
      ['u2', null],
    ]);
    const text = explain(checkHistory(CALLS, bad), CALLS, bad);
    expect(text).toContain('stale (default, user u1)');
    expect(text).toContain('0.900 to 0.910 s: identify by client: {"w":4,"a":4}');
    expect(text).toContain('commits: 4, 1');
    expect(text).not.toContain('u2');
  });
});
