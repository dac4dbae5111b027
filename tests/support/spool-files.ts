/** The temporary files of uploads in progress. They have no name; Linux shows them among the descriptors of a process. */
import { readdirSync, readlinkSync } from 'node:fs';

/** How many of them a process has open; default this one. */
export function countSpoolFiles(pid: number | 'self' = 'self'): number {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((descriptor) => {
    try {
      return readlinkSync(`${folder}/${descriptor}`).includes('/muster-upload-');
    } catch {
      // Closed in the meantime.
      return false;
    }
  }).length;
}
