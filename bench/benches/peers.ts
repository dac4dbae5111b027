/**
 * Imports against what else could take the same rows: PostgreSQL alone, the loop that a worker usually is, and two
 * products. All sides in turns in one run, in rows/s: insert into an empty place, then update of the same rows.
 */
import type { Bench, Figure } from '../bench';
import { measureInTurns, ratio, type Side } from '../compare';
import { makeNdjson, ROWS, SIZES, type Size } from '../make-rows';
import { hasPsql, openCopyMerge } from '../peers/copy-merge';
import { DIRECTUS_VERSION, openDirectus } from '../peers/directus';
import { openMuster } from '../peers/muster';
import { firstRows, type Peer } from '../peers/peer';
import { openPocketBase, POCKETBASE_VERSION } from '../peers/pocketbase';
import { openPrismaLoop } from '../peers/prisma-loop';
import { type Service, startService } from '../service';

type Progress = (words: string) => void;

interface Opponent {
  name: string;
  /** How many rows of the file it is measured with, the first ones. Less than all where it is slow. */
  rows: number;
  /** Ours has at least this many times its rows/s. */
  goals: Record<Size, number>;
  open(service: Service, progress: Progress): Promise<Peer>;
}

const OPPONENTS: readonly Opponent[] = [
  {
    name: `\\copy + merge by ${hasPsql() ? 'psql' : 'pg-copy-streams'}`,
    rows: ROWS,
    goals: { small: 0.5, big: 0.6 },
    open: openCopyMerge,
  },
  { name: 'prisma.user.upsert loop', rows: 2_000, goals: { small: 20, big: 4 }, open: openPrismaLoop },
  {
    name: 'PocketBase',
    rows: 2_000,
    goals: { small: 5, big: 1.2 },
    open: (_, progress) => openPocketBase(progress),
  },
  { name: 'Directus import', rows: ROWS, goals: { small: 10, big: 4 }, open: openDirectus },
];

const OPERATIONS = ['insert', 'update'] as const;
/** Enough that code is compiled, caches are warm and connections are open. */
const WARM_UP_ROWS = 500;

/** A peer that may have failed: then its figures say why, and those of the others go on. */
interface Contender {
  name: string;
  rows: number;
  /** Undefined: ours. */
  opponent: Opponent | undefined;
  peer: Peer | undefined;
  fault: string | undefined;
}

export const peers: Bench = {
  name: 'peers',
  about:
    'Unthrottled imports in rows/s, POST to completed, against PostgreSQL alone (\\copy and one INSERT ... ON CONFLICT), ' +
    `a loop of prisma.user.upsert (first 2,000 rows), PocketBase ${POCKETBASE_VERSION} (first 2,000 rows, one request a ` +
    `row, 50 connections) and Directus ${DIRECTUS_VERSION} (import of the file, no activity log).`,
  async run({ repetitions, backend, cpuProfile, progress }) {
    const service = await startService({ backend, usersPerMinute: 0, cpuProfile });
    const contenders: Contender[] = [];
    try {
      const ours = { name: 'Muster', rows: ROWS, opponent: undefined };
      contenders.push({ ...ours, peer: openMuster(service), fault: undefined });
      for (const opponent of OPPONENTS) contenders.push(await open(opponent, service, progress));
      const figures: Figure[] = [];
      for (const size of ['small', 'big'] as const satisfies Size[]) {
        figures.push(...(await measure(size, contenders, repetitions, progress)));
      }
      return figures;
    } finally {
      for (const { peer } of contenders) await peer?.stop();
      await service.stop();
    }
  },
};

async function open(opponent: Opponent, service: Service, progress: Progress): Promise<Contender> {
  const { name, rows } = opponent;
  try {
    progress(`starting ${name}`);
    return { name, rows, opponent, peer: await opponent.open(service, progress), fault: undefined };
  } catch (error) {
    return { name, rows, opponent, peer: undefined, fault: toSentence(error) };
  }
}

async function measure(
  size: Size,
  contenders: readonly Contender[],
  repetitions: number,
  progress: Progress,
): Promise<Figure[]> {
  const files = { insert: await makeNdjson(size, 0), update: await makeNdjson(size, 1) };
  const sides = (rowsAtMost: number) =>
    contenders.flatMap((contender) =>
      OPERATIONS.map((operation): Side => {
        const rows = Math.min(rowsAtMost, contender.rows);
        const ndjson = firstRows(files[operation], rows);
        return {
          name: `${operation} of ${rows} ${size} rows, ${contender.name}`,
          run: () => runOrNotice(contender, operation, ndjson),
        };
      }),
    );
  await measureInTurns(1, sides(WARM_UP_ROWS), (words) => progress(`warming up, ${words}`));
  const samples = await measureInTurns(repetitions, sides(ROWS), progress);
  return toFigures(size, contenders, samples);
}

/** Returns rows/s, or no number when the peer has failed, now or before. @throws Error when ours fails */
async function runOrNotice(
  contender: Contender,
  operation: (typeof OPERATIONS)[number],
  ndjson: Buffer,
): Promise<number> {
  const { peer, fault, opponent } = contender;
  if (peer === undefined || fault !== undefined) return Number.NaN;
  try {
    return await peer[operation](ndjson);
  } catch (error) {
    if (opponent === undefined) throw error;
    contender.fault = toSentence(error);
    return Number.NaN;
  }
}

/** @param samples of each contender's insert and update, as the sides were in turn */
function toFigures(size: Size, contenders: readonly Contender[], samples: readonly number[][]): Figure[] {
  const ratios: Figure[] = [];
  const speeds: Figure[] = [];
  OPERATIONS.forEach((operation, offset) => {
    const ours = samples[offset] ?? [];
    contenders.forEach(({ name, rows, opponent, fault }, index) => {
      const theirs = samples[index * OPERATIONS.length + offset] ?? [];
      const part = rows < ROWS ? ` (first ${rows.toLocaleString('en-US')} rows)` : '';
      if (fault === undefined) {
        speeds.push({ name: `${operation} ${SIZES[size]}: ${name}${part}`, unit: 'rows/s', samples: theirs });
      }
      if (opponent === undefined) return;
      const title = `${operation} ${SIZES[size]}: Muster / ${name}`;
      const figure = ratio(title, ours, theirs, { atLeast: opponent.goals[size] });
      ratios.push(fault === undefined ? figure : toFailed(figure, fault));
    });
  });
  return [...ratios, ...speeds];
}

/** A ratio without a number, whose goal says why. */
function toFailed(figure: Figure, fault: string): Figure {
  const goal = { text: `${figure.goal?.text}, but not measured: ${fault}`, met: false };
  return { ...figure, samples: [Number.NaN], goal };
}

/** For a cell of a table: one line, without what would end the cell. */
function toSentence(error: unknown): string {
  const words = error instanceof Error ? error.message : String(error);
  return words.replaceAll(/[\s|]+/g, ' ').trim();
}
