/** How progress is shown: a bar on a terminal, elsewhere a line now and then. All of it on standard error. */
import cliProgress from 'cli-progress';
import { count, formatSeconds } from './show';

/** How far something is. */
export interface Progress {
  rows: number;
  failed: number;
  rowsPerSecond: number;
  /** Share that is done, 0 to 1; undefined when it is not known. */
  share: number | undefined;
  etaSeconds: number | undefined;
  /** What goes on, such as `part 3: processing`. */
  doing: string;
}

export interface Display {
  update(progress: Progress): void;
  /** Something that is not progress, such as a wait. */
  say(message: string): void;
  /** What stays on the screen. */
  note(message: string): void;
  end(): void;
}

/** Rows a second since the beginning. */
export class Pace {
  private readonly begunMs = performance.now();
  private first: number | undefined;

  /** @param rows done so far, those before the beginning included */
  read(rows: number): number {
    this.first ??= rows;
    const seconds = (performance.now() - this.begunMs) / 1000;
    return seconds < 1 ? 0 : (rows - this.first) / seconds;
  }
}

const NONE: Display = {
  update: () => undefined,
  say: () => undefined,
  note: () => undefined,
  end: () => undefined,
};

/** A bar, lines or nothing, as the terminal and the flags want it. */
export function openDisplay({ json, quiet }: { json?: boolean; quiet?: boolean }): Display {
  if (json || quiet) return NONE;
  return process.stderr.isTTY ? new Bar() : new Lines();
}

const BAR_STEPS = 1000;

class Bar implements Display {
  private readonly bar = new cliProgress.SingleBar({
    stream: process.stderr,
    format: (options, { progress }, { shows, cells }: { shows: boolean; cells: string[] }) =>
      [...(shows ? [cliProgress.Format.BarFormat(progress, options)] : []), ...cells].join(' '),
    barCompleteChar: '\u2588',
    barIncompleteChar: '\u2591',
    barsize: 24,
    hideCursor: true,
    forceRedraw: true,
    stopOnComplete: false,
  });
  private cells: string[] = [];
  private shows = false;

  constructor() {
    this.bar.start(BAR_STEPS, 0, { shows: false, cells: [] });
  }

  update(progress: Progress): void {
    this.shows = progress.share !== undefined;
    this.cells = cellsOf(progress);
    const steps = Math.floor((progress.share ?? 0) * BAR_STEPS);
    this.bar.update(steps, { shows: this.shows, cells: [this.cells.join(' | '), '|', progress.doing] });
  }

  say(message: string): void {
    this.bar.update({ shows: this.shows, cells: [[...this.cells, message].join(' | ')] });
  }

  note(message: string): void {
    // In place of the bar, which is drawn anew below.
    process.stderr.write(`\r\u001b[K${message}\n`);
    this.bar.render();
  }

  end(): void {
    this.bar.stop();
  }
}

/** Between two lines of progress. */
const LINE_EVERY_MS = 5_000;

class Lines implements Display {
  private saidMs = Number.NEGATIVE_INFINITY;

  update(progress: Progress): void {
    if (performance.now() - this.saidMs < LINE_EVERY_MS) return;
    this.saidMs = performance.now();
    process.stderr.write(`${[...cellsOf(progress), progress.doing].join(', ')}\n`);
  }

  say(message: string): void {
    process.stderr.write(`${message}\n`);
  }

  note(message: string): void {
    this.say(message);
  }

  end(): void {}
}

function cellsOf({ share, rows, rowsPerSecond, etaSeconds, failed }: Progress): string[] {
  return [
    ...(share === undefined ? [] : [`${Math.floor(share * 100)} %`]),
    `${count(rows)} rows`,
    `${count(Math.round(rowsPerSecond))}/s`,
    ...(etaSeconds === undefined ? [] : [`${formatSeconds(etaSeconds)} left`]),
    ...(failed > 0 ? [`${count(failed)} failed`] : []),
  ];
}
