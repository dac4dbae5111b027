/** Shows how far all imports are: a bar each on a terminal that is high enough, one for all else, lines in a file. */
import type { WriteStream } from 'node:tty';
import { MultiBar, Presets, SingleBar } from 'cli-progress';
import type { ClusterEnvironment } from './make-environments';

const LINE_EVERY_MS = 5_000;
/** Lines of a terminal that the bars leave free. */
const FREE_LINES = 4;

export interface Progress {
  update(slug: string, completedRows: number, status: string): void;
  /** Ends the drawing and gives the terminal back. Repeatable. */
  stop(): void;
}

export function showProgress(environments: readonly ClusterEnvironment[], stream: WriteStream): Progress {
  const progress = draw(environments, stream);
  let stopped = false;
  return {
    update: progress.update,
    // A second stop of a bar would write over what has been printed since.
    stop() {
      if (!stopped) progress.stop();
      stopped = true;
    },
  };
}

function draw(environments: readonly ClusterEnvironment[], stream: WriteStream): Progress {
  if (!stream.isTTY) return lines(environments, stream);
  const high = environments.length + FREE_LINES <= stream.rows;
  return high ? bars(environments, stream) : oneBar(environments, stream);
}

function bars(environments: readonly ClusterEnvironment[], stream: WriteStream): Progress {
  const format = '  {slug}  {bar}  {value}/{total} users  {status}';
  const multiBar = new MultiBar({ format, hideCursor: true, barsize: 30, stream }, Presets.shades_classic);
  const bySlug = new Map(
    environments.map(({ slug, rows }) => [slug, multiBar.create(rows, 0, { slug, status: 'sending' })]),
  );
  return {
    update: (slug, completedRows, status) => bySlug.get(slug)?.update(completedRows, { slug, status }),
    stop: () => multiBar.stop(),
  };
}

function oneBar(environments: readonly ClusterEnvironment[], stream: WriteStream): Progress {
  const sum = countAll(environments);
  const format = '  {bar}  {value}/{total} users  {ended} of {all} ended';
  const bar = new SingleBar({ format, hideCursor: true, barsize: 30, stream }, Presets.shades_classic);
  bar.start(sum.totalRows, 0, { ended: 0, all: environments.length });
  return {
    update(slug, completedRows, status) {
      sum.update(slug, completedRows, status);
      bar.update(sum.completedRows(), { ended: sum.count('completed') + sum.count('failed') });
    },
    stop: () => bar.stop(),
  };
}

function lines(environments: readonly ClusterEnvironment[], stream: WriteStream): Progress {
  const sum = countAll(environments);
  const begun = performance.now();
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - begun) / 1000);
    stream.write(`  ${seconds} s: ${sum.completedRows()} of ${sum.totalRows} users, ${sum.states()}\n`);
  }, LINE_EVERY_MS);
  return { update: sum.update, stop: () => clearInterval(timer) };
}

function countAll(environments: readonly ClusterEnvironment[]) {
  const seen = new Map(environments.map(({ slug }) => [slug, { completedRows: 0, status: 'sending' }]));
  const all = () => [...seen.values()];
  const count = (status: string) => all().filter((one) => one.status === status).length;
  return {
    totalRows: environments.reduce((sum, { rows }) => sum + rows, 0),
    update(slug: string, completedRows: number, status: string) {
      seen.set(slug, { completedRows, status });
    },
    completedRows: () => all().reduce((sum, { completedRows }) => sum + completedRows, 0),
    count,
    states: () =>
      [...new Set(all().map(({ status }) => status))]
        .map((status) => `${count(status)} ${status}`)
        .join(', '),
  };
}
