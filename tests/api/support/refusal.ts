/** What every refusal has in common: the shape of its body, and that it leaves nothing behind. */
import { STATUS_CODES } from 'node:http';
import { expect } from '@jest/globals';
import type { Muster } from '../../support/muster';

/** What is looked at of an answer; supertest's responses and raw ones have it. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: unknown;
}

/** Everything that a request can leave in the database, counted over all environments. */
export async function traces(muster: Muster): Promise<Record<string, number>> {
  const { rows } = await muster.store.pool.query<Record<string, number>>(
    `SELECT (SELECT count(*)::int FROM jobs) AS jobs,
            (SELECT count(*)::int FROM jobs WHERE holds_slot) AS slots_taken,
            (SELECT count(*)::int FROM staged_rows) AS staged_rows,
            (SELECT count(*)::int FROM row_tails) AS row_tails,
            (SELECT count(*)::int FROM uploads) AS uploads,
            (SELECT count(*)::int FROM row_results) AS row_results,
            (SELECT count(*)::int FROM users) AS users,
            (SELECT count(*)::int FROM companies) AS companies`,
  );
  return rows[0] ?? {};
}

/** Checks the error body of the contract, member by member. */
export function expectErrorBody(answer: Answer, status: number, code: string): void {
  const { body, headers } = answer as Answer & { body: Record<string, unknown> };
  // Code and status together, so that a failure says which other refusal came.
  const [error] = (body.errors ?? []) as Record<string, unknown>[];
  expect({ status: answer.status, code: error?.error_code }).toEqual({ status, code });
  expect(body).toEqual({
    type: `/docs/errors#${code}`,
    title: expect.any(String),
    status,
    detail: expect.any(String),
    request_id: headers['x-request-id'],
    errors: [
      {
        error_code: code,
        error: STATUS_CODES[status],
        message: expect.stringMatching(/\S/),
        details: expect.any(String),
      },
    ],
  });
  expect(body.title).not.toBe('');
  expect(body.detail).not.toBe('');
  expect(headers['x-request-id']).toMatch(/^[A-Za-z0-9._-]{1,200}$/);
}

/** Sends a request that must be refused, and checks the answer and that the database is as it was before. */
export async function expectRefusal<A extends Answer>(
  muster: Muster,
  send: () => PromiseLike<A>,
  status: number,
  code: string,
): Promise<A> {
  const before = await traces(muster);
  const answer = await send();
  expectErrorBody(answer, status, code);
  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
  expect(await traces(muster)).toEqual(before);
  return answer;
}

/** Checks that an import is accepted at once and completes: the slot is free and the process is well. */
export async function expectNextImportAccepted(muster: Muster): Promise<void> {
  const job = await muster.importRows([{ user_id: 'the-next-import' }]);
  expect(job).toMatchObject({ status: 'completed', total_rows: 1, failed_rows: 0 });
}
