/** The search goes by the keys of indexes, whatever PostgreSQL believes about the tables. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';
import type { Entity } from '#job/entity';
import { type ProfileFilter, partStatement } from '#store/profiles';
import { goByIndex } from '#store/search';
import { createDatabase, dropDatabase, ownerUrl } from '../support/database';

const ROWS = 40_000;

let url: string;
let client: pg.Client;
let environmentId: number;
beforeAll(async () => {
  url = await createDatabase();
  client = new pg.Client({ connectionString: ownerUrl(url) });
  await client.connect();
  for (const table of ['users', 'companies'])
    await client.query(`ALTER TABLE ${table} SET (autovacuum_enabled = false)`);
  await client.query(`INSERT INTO environments (slug) VALUES ('a'), ('b')`);
  const { rows } = await client.query<{ id: number }>(`SELECT id FROM environments WHERE slug = 'a'`);
  environmentId = rows[0]?.id ?? 0;
});
afterAll(async () => {
  await client.end();
  await dropDatabase(url);
});

async function fill(): Promise<void> {
  await client.query(
    `INSERT INTO users (environment_id, user_id, company_id, metadata)
     SELECT e.id, 'user-' || n, 'c' || n % 50, jsonb_build_object('email', 'U' || n || '@example.com', 'plan', repeat('x', 200))
     FROM environments e, generate_series(1, $1::int) AS n`,
    [ROWS],
  );
  await client.query(
    `INSERT INTO companies (environment_id, company_id) SELECT e.id, 'c' || n FROM environments e, generate_series(1, $1::int) AS n`,
    [ROWS],
  );
}

async function empty(): Promise<void> {
  for (const table of ['users', 'companies']) {
    await client.query(`DELETE FROM ${table}`);
    await client.query(`VACUUM ${table}`);
  }
}

async function analyze(): Promise<void> {
  await client.query('VACUUM ANALYZE users');
  await client.query('VACUUM ANALYZE companies');
}

interface PlanNode {
  'Node Type': string;
  'Index Name'?: string;
  'Index Cond'?: string;
  'Relation Name'?: string;
  Plans?: PlanNode[];
}

const PAGE = { limit: 50, bytes: 4_000_000 };
const SEARCHES: [string, Entity, ProfileFilter][] = [
  ['an exact id', 'user', { ...PAGE, search: 'user-20000' }],
  ['the beginning of every id', 'user', { ...PAGE, search: 'user-' }],
  ['the beginning of no id', 'user', { ...PAGE, search: 'nobody' }],
  ['an e-mail address', 'user', { ...PAGE, search: 'u20000@EXAMPLE.com' }],
  ['behind a cursor', 'user', { ...PAGE, search: 'user-', after: 'user-30000' }],
  ['users of a company', 'user', { ...PAGE, search: 'user-2', companyId: 'c1' }],
  ['a company', 'company', { ...PAGE, search: 'c20' }],
];

/** The scans of the plan, each with the condition that its index answers. */
async function scansOf(entity: Entity, filter: ProfileFilter): Promise<PlanNode[]> {
  const { text, values } = partStatement(environmentId, entity, filter);
  await client.query('BEGIN');
  // A transaction of the product is a connection of its pool, with the same queries.
  await goByIndex(client as unknown as pg.PoolClient);
  const { rows } = await client.query(`EXPLAIN (FORMAT JSON) ${text}`, values);
  await client.query('COMMIT');
  const visit = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(visit)];
  return visit(rows[0]['QUERY PLAN'][0].Plan).filter((node) => / Scan$/.test(node['Node Type']));
}

async function expectLookups(): Promise<void> {
  for (const [name, entity, filter] of SEARCHES) {
    const scans = (await scansOf(entity, filter)).filter((node) => node['Node Type'] !== 'Subquery Scan');
    const lookups = scans.map((node) => [node['Node Type'], node['Index Name']]);
    const byId =
      filter.companyId === undefined
        ? `${entity === 'user' ? 'users' : 'companies'}_pkey`
        : 'users_by_company';
    const expected = [byId, ...(entity === 'user' ? ['users_by_email'] : [])];
    expect({ name, lookups }).toEqual({ name, lookups: expected.map((index) => ['Index Scan', index]) });
    // By the id or the address, not only by the environment.
    const [ofId, ofEmail] = scans.map((node) => node['Index Cond']);
    expect({ name, ofId }).toEqual({ name, ofId: expect.stringMatching(/_id >= .*_id < /) });
    if (entity === 'user')
      expect({ name, ofEmail }).toEqual({ name, ofEmail: expect.stringContaining('lower(') });
  }
}

it('in tables that were vacuumed while they were empty, and have been filled since', async () => {
  await empty();
  await fill();
  await expectLookups();
});

it('in tables of which PostgreSQL knows all statistics', async () => {
  await analyze();
  await expectLookups();
});

it('in tables that have much fewer rows than when they were analyzed', async () => {
  await client.query("DELETE FROM users WHERE user_id > 'user-100'");
  await expectLookups();
});

it('in empty tables that were never vacuumed', async () => {
  await client.query('TRUNCATE users, companies CASCADE');
  await expectLookups();
});

it('in empty tables that were just vacuumed', async () => {
  await empty();
  await expectLookups();
});
