/**
 * What uploads that come to nothing leave on the disk: the size of the database's data folder, with its write-ahead log,
 * before, at once afterwards and a minute later. Each upload either does not say how long it is, or breaks off near its
 * end, so none can be refused before its bytes are there.
 */
import { lstatSync, readdirSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { Queryable } from '#store/client';
import type { Bench } from '../bench';
import { toForm } from '../form';
import { makeNdjson } from '../make-rows';
import { startService } from '../service';

/** Of each kind. */
const UPLOADS = 100;
const MAX_BYTES = 50 * 1024 * 1024;
const MB = 1024 * 1024;
const GOAL_MB = 100;
const REST_MS = 60_000;

type Headers = Record<string, string | number>;

export const refusedUploads: Bench = {
  name: 'refused-uploads',
  about: `Growth of the data folder by ${UPLOADS} refused and ${UPLOADS} aborted uploads of 50 MB.`,
  async run({ backend, cpuProfile, progress }) {
    const settings = { MAX_BYTES: String(MAX_BYTES), MAX_ROWS: '1000000' };
    const service = await startService({ backend, usersPerMinute: 0, settings, cpuProfile });
    try {
      const key = await service.addEnvironment();
      const folder = await dataFolder(service.database);
      const big = await makeNdjson('big');
      const tooLarge = Buffer.concat([big, big]).subarray(0, MAX_BYTES + MB);
      const form = toForm('users.ndjson', 'application/x-ndjson', tooLarge);
      const ndjson = 'application/x-ndjson';
      const kinds: [Headers, readonly Buffer[]][] = [
        [{ 'Content-Type': form.contentType }, form.body],
        [{ 'Content-Type': ndjson }, [tooLarge]],
        [{ 'Content-Type': ndjson, 'Content-Encoding': 'gzip' }, [gzipSync(tooLarge, { level: 1 })]],
      ];
      const beforeMb = sizeMb(folder);
      for (let n = 0; n < UPLOADS; n++) {
        if (n % 10 === 0) progress(`refused upload ${n} of ${UPLOADS}`);
        const [headers, body] = kinds[n % kinds.length] as (typeof kinds)[number];
        const status = await upload(service.url, key, headers, body);
        if (status !== 413) throw new Error(`Answered with ${status} instead of 413.`);
      }
      for (let n = 0; n < UPLOADS; n++) {
        if (n % 10 === 0) progress(`aborted upload ${n} of ${UPLOADS}`);
        const cut = tooLarge.subarray(0, MAX_BYTES - 1_000);
        await abort(service.url, key, { 'Content-Type': ndjson, 'Content-Length': MAX_BYTES }, cut);
      }
      const atOnceMb = sizeMb(folder);
      progress('a minute of rest');
      await sleep(REST_MS);
      const afterMb = sizeMb(folder);
      const grownMb = afterMb - beforeMb;
      return [
        { name: 'data folder before', unit: 'MB', samples: [beforeMb] },
        { name: 'data folder at once afterwards', unit: 'MB', samples: [atOnceMb] },
        { name: 'data folder a minute later', unit: 'MB', samples: [afterMb] },
        {
          name: 'growth within a minute',
          unit: 'MB',
          samples: [grownMb],
          goal: { text: `< ${GOAL_MB} MB`, met: grownMb < GOAL_MB },
        },
      ];
    } finally {
      await service.stop();
    }
  },
};

async function dataFolder(database: Queryable): Promise<string> {
  const { rows } = await database.query<{ data_directory: string }>('SHOW data_directory');
  return rows[0]?.data_directory ?? '';
}

/** What the folder takes on the disk, as `du` counts it. */
function sizeMb(folder: string): number {
  let blocks = 0;
  for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    // Files come and go while the server runs.
    blocks += lstatSync(path.join(folder, entry), { throwIfNoEntry: false })?.blocks ?? 0;
  }
  return (blocks * 512) / MB;
}

function open(url: string, key: string, headers: Headers): http.ClientRequest {
  return http.request(`${url}/v1/users/bulk_identify`, {
    method: 'POST',
    agent: false,
    headers: { Authorization: `Token ${key}`, ...headers },
  });
}

/** Sends it without its length. Returns the status. */
function upload(url: string, key: string, headers: Headers, body: readonly Buffer[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = open(url, key, { ...headers, 'Transfer-Encoding': 'chunked' });
    request.once('response', (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
      // The rest need not be taken.
      request.on('error', () => undefined).destroy();
    });
    request.once('error', reject);
    for (const piece of body) request.write(piece);
    request.end();
  });
}

/** Sends all of the body and goes away before the request is whole. */
async function abort(url: string, key: string, headers: Headers, body: Buffer): Promise<void> {
  const request = open(url, key, headers);
  await new Promise<void>((resolve, reject) => {
    request.once('error', reject);
    request.write(body, () => resolve());
  });
  request.on('error', () => undefined).destroy();
}
