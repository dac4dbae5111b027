/** The command line: time and memory of imports of any size, unthrottled. */
import { createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, Figure } from '../bench';
import { spawnOwn } from '../child-process';
import { makeCsvLines, makePaddedUser } from '../make-rows';
import { peakMb } from '../process-memory';
import { type Service, startService } from '../service';

const CSV_ROWS = 100_000;
const NDJSON_ROWS = [100_000, 1_000_000];
/** Makes a row one of about 2.1 kB. */
const NOTE_CHARACTERS = 1_860;
const GROWTH_GOAL_MB = 64;
const LOOK_MS = 100;
/** The last event has far fewer. */
const EVENT_CHARACTERS = 4_096;

/** This file is in dist/bench/benches. */
const MUSTER = path.resolve(__dirname, '../../apps/cli/main.js');

export const commandLine: Bench = {
  name: 'command-line',
  about:
    'muster import of 100,000 rows of CSV, and of NDJSON up to 1,000,000 rows, 2 GB: time, memory of the command.',
  async run({ backend, cpuProfile, progress }) {
    const service = await startService({ backend, usersPerMinute: 0, cpuProfile });
    const folder = mkdtempSync(path.join(tmpdir(), 'muster-bench-files-'));
    try {
      const csv = path.join(folder, 'users.csv');
      await write(csv, makeCsvLines(CSV_ROWS));
      progress('100,000 rows of CSV');
      const ofCsv = await importFile(service, csv, CSV_ROWS, ['--id-column', 'uuid']);
      const measured = figures('CSV', csv, CSV_ROWS, ofCsv);
      const peaks: number[] = [];
      for (const rows of NDJSON_ROWS) {
        const ndjson = path.join(folder, `users-${rows}.ndjson`);
        progress(`${rows.toLocaleString('en')} rows of NDJSON`);
        await write(ndjson, makePaddedLines(rows));
        const ofNdjson = await importFile(service, ndjson, rows, []);
        measured.push(...figures('NDJSON', ndjson, rows, ofNdjson));
        peaks.push(ofNdjson.mb);
      }
      const growth = Math.max(...peaks) - Math.min(...peaks);
      return [
        ...measured,
        {
          name: 'memory: the larger NDJSON less the smaller',
          unit: 'MB',
          samples: [growth],
          goal: { text: `< ${GROWTH_GOAL_MB} MB`, met: growth < GROWTH_GOAL_MB },
        },
      ];
    } finally {
      rmSync(folder, { recursive: true, force: true });
      await service.stop();
    }
  },
};

interface Measured {
  ms: number;
  mb: number;
}

function figures(format: string, file: string, rows: number, { ms, mb }: Measured): Figure[] {
  const size = Math.round(statSync(file).size / 1024 ** 2);
  const name = `${rows.toLocaleString('en')} rows of ${format}, ${size} MB`;
  return [
    { name: `${name}: time`, unit: 's', samples: [ms / 1000] },
    { name: `${name}: rows a second`, unit: '/s', samples: [(rows / ms) * 1000] },
    { name: `${name}: peak memory`, unit: 'MB', samples: [mb] },
  ];
}

function* makePaddedLines(rows: number): Generator<string, void> {
  for (let n = 1; n <= rows; n++) yield `${JSON.stringify(makePaddedUser(n, NOTE_CHARACTERS))}\n`;
}

function write(file: string, lines: Iterable<string>): Promise<void> {
  return pipeline(Readable.from(lines), createWriteStream(file));
}

/** @throws Error when not every row was created */
async function importFile(
  service: Service,
  file: string,
  rows: number,
  flags: readonly string[],
): Promise<Measured> {
  const env = {
    PATH: process.env.PATH,
    HOME: path.dirname(file),
    MUSTER_URL: service.url,
    MUSTER_API_KEY: await service.addEnvironment(),
  };
  const begun = performance.now();
  const child = spawnOwn(process.execPath, [MUSTER, 'import', file, ...flags, '--json'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let end = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    end = `${end}${chunk}`.slice(-EVENT_CHARACTERS);
  });
  let isRunning = true;
  const ended = new Promise<number | null>((resolve) => {
    child.once('exit', () => {
      isRunning = false;
    });
    child.once('close', resolve);
  });
  let mb = 0;
  while (isRunning) {
    // It may end between two looks.
    mb = Number.isNaN(peakOf(child.pid)) ? mb : peakOf(child.pid);
    await Promise.race([sleep(LOOK_MS), ended]);
  }
  const code = await ended;
  const ms = performance.now() - begun;
  const last = end.trimEnd().split('\n').at(-1);
  const { created } = JSON.parse(last || '{}') as { created?: number };
  if (code !== 0 || created !== rows) throw new Error(`muster import ended with ${code}: ${last}`);
  return { ms, mb };
}

/** NaN when the process has ended. */
function peakOf(pid = 0): number {
  try {
    return peakMb(pid);
  } catch {
    return Number.NaN;
  }
}
