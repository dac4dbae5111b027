/** Ours, as its users have it: a multipart POST of the file, timed until the job is completed by the database's clock. */
import { finish, submitFile } from '../import';
import type { Service } from '../service';
import { type Peer, rowsPerSecond, toLines } from './peer';

/** The service stays whoever's it is: stop does nothing. */
export function openMuster(service: Service): Peer {
  let key = '';

  async function run(ndjson: Buffer, outcome: 'created' | 'updated'): Promise<number> {
    const { jobId, postedAtMs } = await submitFile(service.url, key, ndjson);
    const job = await finish(service.database, jobId);
    const rows = toLines(ndjson).length;
    if (job[outcome] !== rows) throw new Error(`${job[outcome]} of ${rows} rows were ${outcome}.`);
    return rowsPerSecond(rows, job.endedAtMs - postedAtMs);
  }

  return {
    async insert(ndjson) {
      key = await service.addEnvironment();
      return run(ndjson, 'created');
    },
    update: (ndjson) => run(ndjson, 'updated'),
    stop: async () => undefined,
  };
}
