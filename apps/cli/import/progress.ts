/** How far an import of files is, told to whoever looks: people by a display, machines by events. */
import { statSync } from 'node:fs';
import { isFinished, type Job } from '#client/index';
import { openDisplay, Pace } from '../display';
import { writeJson } from '../show';
import type { Counts } from './journal';

export interface ImportProgress {
  /** @param bytesRead of the file when the last row of the part had been read */
  beginPart(part: number, fileIndex: number, bytesRead: number): void;
  /** @param counts of the whole import, the job included */
  update(counts: Counts, job: Job): void;
  /** Something that is not progress, such as a wait. */
  say(message: string): void;
  /** Something about the file, that stays on the screen. */
  note(message: string): void;
  end(): void;
}

/**
 * @param files what is imported; the share that is done is one of their bytes
 */
export function openImportProgress(
  files: readonly string[],
  flags: { json?: boolean; quiet?: boolean },
): ImportProgress {
  const display = openDisplay(flags);
  const sizes = files.map((file) => (file === '-' ? Number.NaN : statSync(file).size));
  const begunMs = performance.now();
  const pace = new Pace();
  const told = new Set<string>();
  let part = { number: 0, from: 0, to: 0 };
  let first: number | undefined;
  const named = (message: string) => (part.number > 0 ? `part ${part.number}: ${message}` : message);

  const shareOf = (job: Job): number | undefined => {
    const ofJob = isFinished(job) ? 1 : (job.completed_rows ?? 0) / (job.total_rows || 1);
    const share = part.from + (part.to - part.from) * ofJob;
    return Number.isNaN(share) ? undefined : Math.min(1, share);
  };

  return {
    beginPart(number, fileIndex, bytesRead) {
      const to = (add(sizes.slice(0, fileIndex)) + bytesRead) / add(sizes);
      part = { number, from: number === part.number + 1 ? part.to : 0, to };
    },
    update(counts, job) {
      const share = shareOf(job);
      const seconds = (performance.now() - begunMs) / 1000;
      first ??= share;
      const gained = (share ?? 0) - (first ?? 0);
      const { created, updated, unchanged, failed } = counts;
      const rows = created + updated + unchanged + failed;
      const rowsPerSecond = pace.read(rows);
      const etaSeconds = gained > 0 ? ((1 - (share ?? 0)) * seconds) / gained : undefined;
      display.update({ rows, failed, rowsPerSecond, share, etaSeconds, doing: named(job.status) });
      if (!flags.json) return;
      const { job_id, status } = job;
      const told = { share, rows_per_second: rowsPerSecond, eta_seconds: etaSeconds };
      writeJson({ event: 'progress', part: part.number, job_id, status, ...counts, ...told });
    },
    say(message) {
      display.say(named(message));
    },
    note(message) {
      if (told.has(message)) return;
      told.add(message);
      display.note(message);
      if (flags.json) writeJson({ event: 'note', message });
    },
    end: () => display.end(),
  };
}

function add(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
