/**
 * The user PostgreSQL runs as. It refuses to run as root, so root hands it to another user; anybody else runs it
 * himself.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';

/** uid and gid are given to child_process as they are: undefined means "as this process". */
export interface PostgresAccount {
  name: string;
  uid: number | undefined;
  gid: number | undefined;
}

/**
 * Decides which user runs PostgreSQL on this folder.
 * @param data the database folder; it need not exist. Its owner, if it has one, must run it.
 * @throws Error when the folder belongs to a user who cannot run it, or when root finds no user to hand it to.
 */
export function accountFor(data: string): PostgresAccount {
  const ownUid = process.getuid?.() ?? -1;
  const owner = fs.statSync(data, { throwIfNoEntry: false });
  if (ownUid !== 0) {
    if (owner && owner.uid !== ownUid) {
      throw new Error(`The database folder ${data} belongs to another user, and only its owner can run it.`);
    }
    return { name: os.userInfo().username, uid: undefined, gid: undefined };
  }
  if (owner && owner.uid !== 0) return { name: `number ${owner.uid}`, uid: owner.uid, gid: owner.gid };
  const account = lookUp('postgres') ?? lookUp('nobody');
  if (!account) {
    throw new Error(
      'PostgreSQL refuses to run as root, and there is neither a user postgres nor a user nobody: ' +
        'start Muster as another user, or set DATABASE_URL.',
    );
  }
  if (owner && fs.readdirSync(data).length > 0) {
    throw new Error(
      `The database folder ${data} belongs to root, as whom PostgreSQL refuses to run: ` +
        `give it to the user ${account.name} (chown -R ${account.name} ${data}).`,
    );
  }
  return account;
}

/** Whether this user can enter the folder and every folder above it. Asked by trying, so that ACLs count too. */
export function canEnter(account: PostgresAccount, folder: string): boolean {
  const { uid, gid } = account;
  const tried = spawnSync('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], {
    uid,
    gid,
    cwd: '/',
    stdio: 'ignore',
  });
  return tried.status === 0;
}

function lookUp(name: string): PostgresAccount | undefined {
  const ask = (flag: string): number =>
    Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  try {
    return { name, uid: ask('-u'), gid: ask('-g') };
  } catch {
    return undefined;
  }
}
