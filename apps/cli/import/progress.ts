/** What an import says while it runs: a bar on a terminal, a line now and then elsewhere, or JSON for machines. */
import cliProgress from 'cli-progress';
import type { Counts } from './journal';

export interface Progress {
  /** Share of the input that is done, 0 to 1; undefined when its size is not known. */
  share: number | undefined;
  counts: Counts;
  /** What goes on, such as `part 3: processing`. */
  doing: string;
}

export interface ProgressReport {
  update(progress: Progress): void;
  /** Something that is not progress, such as a wait for the slot. */
  say(message: string): void;
  end(): void;
}

export type ProgressStyle = 'bar' | 'lines' | 'json' | 'quiet';

/** Between two lines of `lines` and `json`. */
const LINE_EVERY_MS = 5_000;

export function openProgress(
  style: ProgressStyle,
  output: NodeJS.WriteStream = process.stderr,
): ProgressReport {
  if (style === 'bar') return new Bar(output);
  if (style === 'lines') return new Lines(output, writeLine);
  if (style === 'json')
    return new Lines(output, (progress) => JSON.stringify({ event: 'progress', ...flatten(progress) }));
  return { update: () => undefined, say: () => undefined, end: () => undefined };
}

function rowsOf({ created, updated, unchanged, failed }: Counts): number {
  return created + updated + unchanged + failed;
}

/** Rows a second and seconds left, by what was done since the start. */
class Pace {
  private readonly begun = performance.now();
  private first: { rows: number; share: number } | undefined;

  read({ share = 0, counts }: Progress): { perSecond: number; etaSeconds: number | undefined } {
    const rows = rowsOf(counts);
    this.first ??= { rows, share };
    const seconds = (performance.now() - this.begun) / 1000;
    const gained = share - this.first.share;
    return {
      perSecond: seconds < 1 ? 0 : (rows - this.first.rows) / seconds,
      etaSeconds: gained > 0 ? ((1 - share) * seconds) / gained : undefined,
    };
  }
}

class Bar implements ProgressReport {
  private readonly pace = new Pace();
  private readonly bar: cliProgress.SingleBar;

  constructor(stream: NodeJS.WriteStream) {
    this.bar = new cliProgress.SingleBar({
      stream,
      format: '{bar} {percentage} % | {rows} rows | {rate}/s | {eta_text} | {failed} failed | {doing}',
      hideCursor: true,
      barCompleteChar: '\u2588',
      barIncompleteChar: '\u2591',
      barsize: 24,
      forceRedraw: true,
      stopOnComplete: false,
    });
    this.bar.start(1000, 0, { rows: 0, rate: 0, eta_text: '', failed: 0, doing: '' });
  }

  update(progress: Progress): void {
    const { perSecond, etaSeconds } = this.pace.read(progress);
    this.bar.update(Math.round((progress.share ?? 0) * 1000), {
      rows: rowsOf(progress.counts).toLocaleString('en'),
      rate: Math.round(perSecond).toLocaleString('en'),
      eta_text: etaSeconds === undefined ? '...' : `${formatSeconds(etaSeconds)} left`,
      failed: progress.counts.failed.toLocaleString('en'),
      doing: progress.doing,
    });
  }

  say(message: string): void {
    this.bar.update({ doing: message });
  }

  end(): void {
    this.bar.stop();
  }
}

class Lines implements ProgressReport {
  private readonly pace = new Pace();
  private saidMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly output: NodeJS.WriteStream,
    private readonly write: (progress: Progress & ReturnType<Pace['read']>) => string,
  ) {}

  update(progress: Progress): void {
    const line = { ...progress, ...this.pace.read(progress) };
    if (performance.now() - this.saidMs < LINE_EVERY_MS) return;
    this.saidMs = performance.now();
    this.output.write(`${this.write(line)}\n`);
  }

  say(message: string): void {
    this.output.write(`${message}\n`);
  }

  end(): void {}
}

function writeLine({
  share,
  counts,
  doing,
  perSecond,
  etaSeconds,
}: Progress & ReturnType<Pace['read']>): string {
  const percent = share === undefined ? '' : `${Math.floor(share * 100)} %, `;
  const left = etaSeconds === undefined ? '' : `, ${formatSeconds(etaSeconds)} left`;
  return `${percent}${rowsOf(counts)} rows (${counts.failed} failed), ${Math.round(perSecond)}/s${left}; ${doing}`;
}

function flatten({ share, counts, doing, perSecond, etaSeconds }: Progress & ReturnType<Pace['read']>) {
  return { share, ...counts, doing, rows_per_second: perSecond, eta_seconds: etaSeconds };
}

export function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
