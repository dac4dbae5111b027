/**
 * Loaded before a process's own code (`--require`): measures how long its event loop is held up, in the process and so
 * with its own clock. Whoever connects to `PID.sock` in the folder is told the longest delay since somebody last asked,
 * in milliseconds. The process itself is not changed and not kept alive.
 */
import { createServer } from 'node:net';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

/** A timer of this interval is what is watched; what it takes longer than that is delay. */
const RESOLUTION_MS = 1;

const folder = process.env.BENCH_EVENT_LOOP_FOLDER;
// Threads of the process load this file too.
if (folder !== undefined && isMainThread) {
  const intervals = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  intervals.enable();
  createServer((socket) => {
    socket.once('error', () => {});
    socket.end(String(Math.max(0, intervals.max / 1e6 - RESOLUTION_MS)));
    intervals.reset();
  })
    .listen(path.join(folder, `${process.pid}.sock`))
    .unref();
}
