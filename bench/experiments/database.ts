/**
 * What every experiment runs on: an embedded PostgreSQL with fsync on and the product's tables, in a temporary folder
 * that is gone afterwards. Nothing else of the product runs.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startEmbeddedPostgres } from '#apps/standalone/embedded-postgres';
import { createLogger } from '#logger';
import { openStore, type Store } from '#store/client';
import { migrate } from '#store/migrate';
import { makeNdjson, type Size } from '../make-rows';

const CONNECTIONS = 4;

/** Starts the database, does the work, removes everything. Prints the message and sets exit code 1 when the work throws. */
export async function withDatabase(work: (store: Store) => Promise<void>): Promise<void> {
  // An exit, unlike the signal alone, also ends the server.
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
  const folder = mkdtempSync(path.join(tmpdir(), 'muster-experiment-'));
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.once('exit', remove);
  try {
    const postgres = await startEmbeddedPostgres({ dataDir: folder });
    try {
      await migrate(postgres.ownerUrl);
      const logger = createLogger('experiment', 'silent');
      const store = openStore({ databaseUrl: postgres.ownerUrl, connections: CONNECTIONS, logger });
      await work(store).finally(() => store.close());
    } finally {
      await postgres.stop();
    }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

/** The rows of a file of the benches, each without its line break. */
export async function makeLines(size: Size, version = 0): Promise<Buffer[]> {
  const ndjson = await makeNdjson(size, version);
  const lines: Buffer[] = [];
  for (let begin = 0; begin < ndjson.length; ) {
    const end = ndjson.indexOf('\n', begin);
    lines.push(ndjson.subarray(begin, end));
    begin = end + 1;
  }
  return lines;
}

export function countBytes(lines: readonly Buffer[]): number {
  return lines.reduce((sum, line) => sum + line.length, 0);
}
