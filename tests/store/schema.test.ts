/** The schema that Prisma knows and the migrations, which are written by hand, agree. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from '@jest/globals';
import pg from 'pg';
import { createDatabase, dropDatabase } from '../support/database';

it('every model has its table, with the same columns and no other', async () => {
  const schema = readFileSync(path.resolve(__dirname, '..', '..', 'prisma', 'schema.prisma'), 'utf8');
  const names = [...schema.matchAll(/^model (\w+)/gm)].map(([, name]) => name);
  const models = [...schema.matchAll(/^model (\w+) \{\n([\s\S]*?)^\}/gm)].map(([, name = '', body = '']) => {
    const fields = body.split('\n').filter((line) => /^ {2}\w/.test(line));
    // A field of another model's type is a relation, not a column.
    const columns = fields.filter((line) => !names.includes(/^ {2}\w+ +(\w+)/.exec(line)?.[1]));
    const column = (line: string) => /@map\("([^"]+)"\)/.exec(line)?.[1] ?? /\w+/.exec(line)?.[0];
    return { table: /@@map\("([^"]+)"\)/.exec(body)?.[1] ?? name, columns: columns.map(column).sort() };
  });
  const url = await createDatabase();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ table: string; columns: string[] }>(
    `SELECT table_name AS table, array_agg(column_name::text) AS columns FROM information_schema.columns
     WHERE table_schema = 'public' AND table_name <> '_prisma_migrations' GROUP BY table_name`,
  );
  await client.end();
  await dropDatabase(url);
  const byTable = (a: { table: string }, b: { table: string }) => (a.table < b.table ? -1 : 1);
  const stored = rows.map(({ table, columns }) => ({ table, columns: [...columns].sort() }));
  expect(models.sort(byTable)).toEqual(stored.sort(byTable));
});
