/**
 * A second client that asks for /healthz at fixed moments, whether or not the answers before have come: what holds up the
 * API's event loop holds up its answers. It runs in a thread of its own, so that the upload does not hold up the clock.
 */
import http from 'node:http';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const EVERY_MS = 10;

export interface HealthPoller {
  /** Ends the polling. Returns the time that each answer took, in milliseconds. */
  stop(): Promise<number[]>;
}

/** @param url of the API */
export function startHealthPoller(url: string): HealthPoller {
  const thread = new Worker(__filename, { workerData: url });
  const answer = new Promise<number[]>((resolve, reject) => {
    thread.once('message', resolve).once('error', reject);
  });
  answer.catch(() => undefined); // whoever stops it hears of it
  return {
    stop() {
      thread.postMessage('stop');
      return answer;
    },
  };
}

function poll(url: string): void {
  const agent = new http.Agent({ keepAlive: true });
  const latencies: number[] = [];
  const open = new Set<Promise<void>>();
  const timer = setInterval(() => {
    const asked = ask(`${url}/healthz`, agent).then((latency) => {
      latencies.push(latency);
      open.delete(asked);
    });
    open.add(asked);
  }, EVERY_MS);
  parentPort?.once('message', async () => {
    clearInterval(timer);
    await Promise.all(open);
    agent.destroy();
    parentPort?.postMessage(latencies);
  });
}

function ask(url: string, agent: http.Agent): Promise<number> {
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const request = http.get(url, { agent }, (answer) => {
      answer.resume().once('end', () => resolve(performance.now() - begun));
    });
    request.once('error', reject);
  });
}

if (!isMainThread) poll(workerData as string);
