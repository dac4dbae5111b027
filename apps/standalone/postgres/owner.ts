/**
 * Who is to stop the embedded server: the process that is named in `postgres-owner` in the data folder.
 * A service owns its database for as long as it lives. A visitor, such as an admin command, owns it only when it had
 * to start it, and yields to a service that comes meanwhile. Whoever is no longer named stops nothing.
 */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { inspectProcess, isStillRunning } from './process-info';

interface OwnerRecord {
  pid: number;
  started: string;
  visitor: boolean;
  token: string;
}

export interface Ownership {
  /** Whether nobody took over since. */
  isMine(): boolean;
  /** Gives it up; the server has stopped. */
  release(): void;
}

/** The other process that lives and owns the server of this data folder. */
export function otherOwner(dataDir: string): { pid: number; visitor: boolean } | undefined {
  const owner = readOwner(dataDir);
  if (!owner || owner.pid === process.pid) return undefined;
  return isStillRunning(owner.pid, owner.started) ? owner : undefined;
}

/**
 * Becomes the owner: of nobody's server, of one whose owner is dead, or, as a service, of a visitor's.
 * @throws Error that names the process when it has another owner.
 */
export function claim(dataDir: string, visitor: boolean): Ownership {
  const started = inspectProcess(process.pid)?.started ?? '';
  const record: OwnerRecord = { pid: process.pid, started, visitor, token: randomUUID() };
  const file = path.join(dataDir, 'postgres-owner');
  const draft = `${file}.${record.token}`;
  fs.writeFileSync(draft, JSON.stringify(record), { mode: 0o600 });
  try {
    // Of two services that start at once on a folder without an owner, the link lets only one through.
    fs.linkSync(draft, file);
  } catch {
    refuseToDisplace(otherOwner(dataDir), visitor, dataDir);
    fs.renameSync(draft, file);
  } finally {
    fs.rmSync(draft, { force: true });
  }
  const isMine = (): boolean => readOwner(dataDir)?.token === record.token;
  return {
    isMine,
    release() {
      if (isMine()) fs.rmSync(file, { force: true });
    },
  };
}

function refuseToDisplace(owner: ReturnType<typeof otherOwner>, visitor: boolean, dataDir: string): void {
  if (!owner || (owner.visitor && !visitor)) return;
  throw new Error(
    `Another Muster (process ${owner.pid}) runs on the data folder ${dataDir}: stop it, or set another DATA_DIR.`,
  );
}

function readOwner(dataDir: string): OwnerRecord | undefined {
  try {
    return JSON.parse(fs.readFileSync(path.join(dataDir, 'postgres-owner'), 'utf8')) as OwnerRecord;
  } catch {
    return undefined; // None, or cut short by a power failure: then nobody lives who wrote it.
  }
}
