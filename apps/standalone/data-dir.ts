/** Where the embedded database and the generated key live. */
import fs from 'node:fs';
import path from 'node:path';

/** The data folder of a service that runs as root in a folder which is closed to every other user. */
const SYSTEM_DATA_DIR = '/var/lib/muster';

/**
 * The absolute path of the data folder; nothing is created.
 *
 * PostgreSQL refuses to run as root, so a root service runs it as another user, who must be able to enter every
 * folder on the way to the data. Below a closed folder such as /root he cannot, and opening somebody's home folder
 * to everyone is not ours to do: then the data goes to /var/lib/muster. A database that is already in `.data` stays
 * the one that is used.
 *
 * @param configured DATA_DIR; a relative path counts from cwd. Undefined or empty: `.data` under cwd, or as above.
 */
export function resolveDataDir(configured: string | undefined, cwd: string): string {
  if (configured) return path.resolve(cwd, configured);
  const local = path.resolve(cwd, '.data');
  const asRoot = process.getuid?.() === 0;
  if (!asRoot || fs.existsSync(path.join(local, 'postgres')) || othersCanEnter(path.resolve(cwd)))
    return local;
  return SYSTEM_DATA_DIR;
}

/** Whether users who are neither owner nor in the group may pass every folder from the root down to this one. */
function othersCanEnter(folder: string): boolean {
  for (let current = folder; ; current = path.dirname(current)) {
    const stat = fs.statSync(current, { throwIfNoEntry: false });
    if (stat && (stat.mode & 0o001) === 0) return false;
    if (current === path.dirname(current)) return true;
  }
}
