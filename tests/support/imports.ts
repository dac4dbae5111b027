/**
 * Imports whose every row can be told apart: a row's value is its number in the order in which rows were accepted, so that
 * what is stored shows what was lost, doubled, out of order or never sent.
 */

/** Nothing that a log, an error or the queue may ever show. */
export const CANARY = 'canary@secret.example';

export interface ImportRow {
  /** Null for a row that validation refuses. */
  id: string | null;
  value: number;
}

export interface Import {
  rows: ImportRow[];
  ndjson: string;
}

export interface ImportShape {
  rows: number;
  /** Distinct ids; rows beyond come to the same ones again. */
  ids: number;
  /** Value of the row before the first one. */
  after?: number;
}

/** Every so manyth row has a number as its id, which is refused. */
const BAD_EVERY = 37;

export function makeImport({ rows: count, ids, after = 0 }: ImportShape): Import {
  const rows = Array.from({ length: count }, (_, n): ImportRow => {
    const id = n % BAD_EVERY === BAD_EVERY - 1 ? null : `u${n % ids}`;
    return { id, value: after + n + 1 };
  });
  const lines = rows.map(({ id, value }) =>
    JSON.stringify({ user_id: id ?? value, metadata: { row: value, email: CANARY } }),
  );
  return { rows, ndjson: lines.join('\n') };
}

/** What the stored users and a job's counters must be, as if nothing had ever failed. */
export interface Expected {
  users: Map<string, number>;
  counts: { created_rows: number; updated_rows: number; unchanged_rows: number; failed_rows: number }[];
}

/** Applies imports one after another, row by row. */
export function fold(imports: readonly Import[]): Expected {
  const users = new Map<string, number>();
  const counts = imports.map(({ rows }) => {
    const count = { created_rows: 0, updated_rows: 0, unchanged_rows: 0, failed_rows: 0 };
    for (const { id, value } of rows) {
      if (id === null) count.failed_rows++;
      else if (users.has(id)) count.updated_rows++;
      else count.created_rows++;
      if (id !== null) users.set(id, value);
    }
    return count;
  });
  return { users, counts };
}
