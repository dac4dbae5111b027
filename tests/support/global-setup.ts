/** Before all tests: one PostgreSQL and one Redis for every test file, and a migrated database to copy from. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../apps/standalone/embedded-postgres';
import { freePort } from '../../apps/standalone/free-port';
import { migrateQueue, QUEUE_SCHEMA } from '../../src/queue/open-queue';
import { grantService } from '../../src/store/grant-service';
import { migrate } from '../../src/store/migrate';
import { createEmptyDatabase, serviceUrl, TEMPLATE } from './database';

export interface Servers {
  folder: string;
  postgres: EmbeddedPostgres;
  redis: ChildProcess;
}

declare global {
  var servers: Servers | undefined;
}

export default async function setUp(): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'muster-tests-'));
  const postgres = await startEmbeddedPostgres({
    dataDir: folder,
    settings: { max_connections: '300', fsync: 'off' },
  });
  process.env.TEST_DATABASE_URL = postgres.ownerUrl;
  process.env.TEST_SERVICE_URL = postgres.serviceUrl;
  const template = await createEmptyDatabase(TEMPLATE);
  // Not through apps/update-database: in here `#` means the build.
  await migrate(template);
  await migrateQueue(template);
  await grantService(template, serviceUrl(TEMPLATE), [QUEUE_SCHEMA]);

  const port = await freePort();
  const redis = spawn(
    'redis-server',
    ['--port', String(port), '--save', '', '--databases', '1000', '--dir', folder],
    { stdio: 'ignore' },
  );
  redis.once('error', () => {
    throw new Error('redis-server is missing: ./scripts/ensure-redis installs it.');
  });
  process.env.TEST_REDIS_URL = `redis://127.0.0.1:${port}`;
  const client = new Redis(process.env.TEST_REDIS_URL, {
    retryStrategy: () => 50,
    maxRetriesPerRequest: 100,
  });
  client.on('error', () => undefined);
  await client.ping();
  client.disconnect();

  globalThis.servers = { folder, postgres, redis };
}

export async function stopServers(): Promise<void> {
  const { servers } = globalThis;
  if (servers === undefined) return;
  servers.redis.kill('SIGKILL');
  await servers.postgres.stop();
  rmSync(servers.folder, { recursive: true, force: true });
}
