/**
 * The yardstick: what PostgreSQL takes for the same rows when nothing is in between. The same NDJSON file goes by \copy
 * into a table, parsed by PostgreSQL, and from there by one INSERT ... ON CONFLICT into a table with the columns, keys
 * and indexes of ours, metadata merged by ||. Two commits, as ours promises more than one too: what was taken in, and
 * what was written. Timed by the database's clock from before \copy until after the second commit: the start of psql,
 * its connection, making the tables and ANALYZE do not count. Rows are not checked, no result is kept for any of them.
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { spawnOwn } from '../child-process';
import type { Service } from '../service';
import { databaseUrl } from './database-url';
import { checkStored, type Peer, rowsPerSecond, toLines } from './peer';
import { makeDataFolder } from './peer-process';
import { keepLastLines } from './process-words';

/** A line is one CSV field: neither byte can be in a line of JSON, where both must be escaped. */
const FORMAT = `WITH (FORMAT csv, QUOTE e'\\x01', DELIMITER e'\\x02')`;
const STAGE = 'yardstick.stage (line)';

const PREPARE = `
DROP SCHEMA IF EXISTS yardstick CASCADE;
CREATE SCHEMA yardstick;
CREATE TABLE yardstick.stage (line text);
CREATE TABLE yardstick.users (LIKE public.users INCLUDING ALL);`;

/** OFFSET 0 lets each line be parsed once. A stage of jsonb would parse them in \\copy, which takes longer for big rows. */
const MERGE = `
INSERT INTO yardstick.users AS t (environment_id, user_id, company_id, metadata, last_job_id)
SELECT 1, line->>'user_id', line->>'company_id', line->'metadata', '00000000-0000-4000-8000-000000000000'
FROM (SELECT line::jsonb AS line FROM yardstick.stage OFFSET 0) AS parsed
ON CONFLICT (environment_id, user_id) DO UPDATE
SET company_id = excluded.company_id, metadata = t.metadata || excluded.metadata,
    updated_at = excluded.updated_at, last_job_id = excluded.last_job_id;`;

const CLOCK = 'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms;';

/** Copies and merges a file. Returns the milliseconds it took. */
type CopyAndMerge = (file: string) => Promise<number>;

/** Whether the psql client is here. Without it the same statements run through pg-copy-streams. */
export function hasPsql(): boolean {
  return spawnSync('psql', ['--version'], { stdio: 'ignore' }).status === 0;
}

export async function openCopyMerge(service: Service): Promise<Peer> {
  const { database } = service;
  const folder = makeDataFolder();
  const file = path.join(folder.path, 'users.ndjson');
  const url = databaseUrl(service);
  const copyAndMerge: CopyAndMerge = hasPsql() ? () => byPsql(url, file) : () => byStream(url, file);

  async function run(ndjson: Buffer): Promise<number> {
    writeFileSync(file, ndjson);
    const ms = await copyAndMerge(file);
    const lines = toLines(ndjson);
    const { rows } = await database.query<{ rows: number; metadata: unknown }>(
      `SELECT count(*)::int AS rows, max(metadata::text) FILTER (WHERE user_id = $1)::json AS metadata
       FROM yardstick.users`,
      [(JSON.parse(lines.at(-1) ?? '{}') as { user_id: string }).user_id],
    );
    checkStored(lines, rows[0]?.rows ?? 0, rows[0]?.metadata);
    return rowsPerSecond(lines.length, ms);
  }

  return {
    async insert(ndjson) {
      await database.query(PREPARE);
      return run(ndjson);
    },
    async update(ndjson) {
      await database.query('TRUNCATE yardstick.stage; ANALYZE yardstick.users;');
      return run(ndjson);
    },
    async stop() {
      folder.remove();
    },
  };
}

async function byPsql(url: string, file: string): Promise<number> {
  const script = `${CLOCK}\n\\copy ${STAGE} FROM '${file}' ${FORMAT}\n${MERGE}\n${CLOCK}\n`;
  const child = spawnOwn('psql', ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1'], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...psqlSettings(url) },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const lastLines = keepLastLines(child);
  child.stdin?.end(script);
  const [code] = (await once(child, 'close')) as [number | null];
  const [begun = Number.NaN, ended = Number.NaN] = lastLines().split(' ').map(Number);
  if (code !== 0 || Number.isNaN(ended - begun)) throw new Error(`psql failed: ${lastLines()}`);
  return ended - begun;
}

/** Not as arguments, which every user of the machine can see. */
function psqlSettings(url: string): Record<string, string> {
  const { hostname, port, username, password, pathname } = new URL(url);
  return {
    PGHOST: hostname,
    PGPORT: port,
    PGUSER: decodeURIComponent(username),
    PGPASSWORD: decodeURIComponent(password),
    PGDATABASE: pathname.slice(1),
  };
}

async function byStream(url: string, file: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const clock = async () => (await client.query<{ ms: number }>(CLOCK)).rows[0]?.ms ?? Number.NaN;
    const begun = await clock();
    await pipeline(createReadStream(file), client.query(copyFrom(`COPY ${STAGE} FROM STDIN ${FORMAT}`)));
    await client.query(MERGE);
    return (await clock()) - begun;
  } finally {
    await client.end();
  }
}
