/** How long the event loops of other processes are held up, each measured from inside by event-loop-probe. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';

const PROBE = path.join(__dirname, 'event-loop-probe.js');

export interface EventLoopWatch {
  /** For the environment of the processes that are watched. */
  settings: Record<string, string>;
  /**
   * The longest that the loop of this process was held up since this was last asked of it, in milliseconds.
   * @throws Error when there is no such process or it does not have the settings
   */
  longestDelayMs(pid: number): Promise<number>;
  /** Removes its files. */
  close(): void;
}

export function watchEventLoops(): EventLoopWatch {
  const folder = mkdtempSync(path.join(tmpdir(), 'muster-loops-'));
  return {
    settings: { NODE_OPTIONS: `--require=${JSON.stringify(PROBE)}`, BENCH_EVENT_LOOP_FOLDER: folder },
    longestDelayMs: async (pid) => Number(await text(connect(path.join(folder, `${pid}.sock`)))),
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
