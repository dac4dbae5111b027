/**
 * Asks a service for the same thing over and over, on connections that stay open, each of which asks again as soon as it
 * has its answer. It runs in a thread of its own and speaks HTTP itself: Node's own clients cost more for each request
 * than the services that are measured, and would be what is measured.
 */
import net from 'node:net';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { percentile } from './statistics';

export interface Load {
  /** Of what is asked for. */
  url: string;
  headers: Record<string, string>;
  connections: number;
  /** That every answer must have. */
  status: 200 | 202 | 304;
  /** Posted as JSON; `{n}` in it becomes the number of the request. Absent: the address is read. */
  body?: string;
}

export interface LoadFigures {
  answersPerSecond: number;
  /** From sending a request to having the whole answer. */
  p99Ms: number;
  longestMs: number;
  /** Share of the time that the generator itself was busy: near 1 it measures itself. */
  generatorBusy: number;
}

export interface RunningLoad {
  /** Ends the load. @throws Error when an answer was not the expected one or a connection broke */
  stop(): Promise<LoadFigures>;
}

export function startLoad(load: Load): RunningLoad {
  const thread = new Worker(__filename, { workerData: load });
  const figures = new Promise<LoadFigures>((resolve, reject) => {
    thread.once('message', resolve).once('error', reject);
  });
  figures.catch(() => undefined); // whoever stops it hears of it
  return {
    stop() {
      thread.postMessage('stop');
      return figures;
    },
  };
}

/** The requests one after another. */
function writeRequests({ url, headers, body }: Load): () => Buffer {
  const { pathname, search, host } = new URL(url);
  const fields = Object.entries({ Host: host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `${pathname}${search} HTTP/1.1\r\n${fields.join('')}`;
  if (body === undefined) {
    const request = Buffer.from(`GET ${head}\r\n`);
    return () => request;
  }
  let count = 0;
  return () => {
    const text = body.replaceAll('{n}', String(count++));
    const type = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n`;
    return Buffer.from(`POST ${head}${type}\r\n${text}`);
  };
}

function run(load: Load): void {
  const { url, connections, status } = load;
  const { hostname, port } = new URL(url);
  const nextRequest = writeRequests(load);
  const latencies: number[] = [];
  const sockets = Array.from({ length: connections }, () =>
    askForever(net.connect(Number(port), hostname), nextRequest, status, latencies),
  );
  const begun = performance.now();
  const idle = performance.eventLoopUtilization();
  parentPort?.once('message', () => {
    const seconds = (performance.now() - begun) / 1000;
    for (const socket of sockets) socket.removeAllListeners('close').destroy();
    const figures: LoadFigures = {
      answersPerSecond: latencies.length / seconds,
      p99Ms: percentile(latencies, 0.99),
      longestMs: latencies.reduce((longest, one) => Math.max(longest, one), 0),
      generatorBusy: performance.eventLoopUtilization(idle).utilization,
    };
    parentPort?.postMessage(figures);
  });
}

/** Errors are thrown into the thread, whose end they are. */
function askForever(
  socket: net.Socket,
  nextRequest: () => Buffer,
  status: number,
  latencies: number[],
): net.Socket {
  let begun = 0;
  let received: Buffer = Buffer.alloc(0);
  const ask = () => {
    begun = performance.now();
    socket.write(nextRequest());
  };
  socket.setNoDelay(true).once('connect', ask);
  socket.on('data', (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    if (!isComplete(received, status)) return;
    latencies.push(performance.now() - begun);
    received = Buffer.alloc(0);
    ask();
  });
  socket.once('close', () => {
    throw new Error('The service closed a connection.');
  });
  return socket;
}

/** @throws Error when the answer has another status, or does not say how long it is */
function isComplete(received: Buffer, status: number): boolean {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const head = received.toString('latin1', 0, end);
  if (!head.startsWith(`HTTP/1.1 ${status} `)) {
    throw new Error(`The service answered ${head.slice(9, 12)}, not ${status}.`);
  }
  // By its definition it has no body.
  if (status === 304) return true;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined) throw new Error('The service does not say how long its answer is.');
  return received.length >= end + 4 + Number(length);
}

if (!isMainThread) run(workerData as Load);
