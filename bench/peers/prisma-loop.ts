/**
 * What a worker usually does: it reads a line, and awaits `prisma.user.upsert`. On the table that ours writes, with the
 * same Prisma Client and driver, in an environment of its own.
 * Prisma cannot merge JSON in the database. The loop replaces the metadata: the rows carry every key each time, so the
 * end state is the same, and it is spared the query before each upsert that a merge in JavaScript would take. For the
 * same reason it selects the id only, so that the stored metadata is not sent back. Prisma makes each upsert one
 * INSERT ... ON CONFLICT.
 */
import { createLogger } from '#logger';
import { openStore } from '#store/client';
import type { Service } from '../service';
import { databaseUrl } from './database-url';
import { checkStored, type Peer, type Row, rowsPerSecond, toLines } from './peer';

/** Beyond the ids that the service gives to environments. */
const FIRST_ENVIRONMENT_ID = 1_000_000_000;
const JOB_ID = '00000000-0000-4000-8000-000000000000';

export async function openPrismaLoop(service: Service): Promise<Peer> {
  const logger = createLogger('bench', 'silent');
  const { prisma, close } = openStore({ databaseUrl: databaseUrl(service), connections: 1, logger });
  let environmentId = FIRST_ENVIRONMENT_ID;

  async function upsert({ user_id: userId, company_id: companyId, metadata }: Row): Promise<void> {
    await prisma.user.upsert({
      where: { environmentId_userId: { environmentId, userId } },
      create: { environmentId, userId, companyId, metadata, lastJobId: JOB_ID },
      update: { companyId, metadata, lastJobId: JOB_ID, updatedAt: new Date() },
      select: { userId: true },
    });
  }

  async function run(ndjson: Buffer): Promise<number> {
    const begun = performance.now();
    const lines = toLines(ndjson);
    for (const line of lines) await upsert(JSON.parse(line) as Row);
    const ms = performance.now() - begun;
    const where = { environmentId };
    const last = await prisma.user.findFirst({ where, orderBy: { userId: 'desc' } });
    checkStored(lines, await prisma.user.count({ where }), last?.metadata);
    return rowsPerSecond(lines.length, ms);
  }

  return {
    async insert(ndjson) {
      environmentId++;
      return run(ndjson);
    },
    update: run,
    stop: close,
  };
}
