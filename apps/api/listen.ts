/** Serves an Express application: time limits for slow clients, and a close that answers requests in flight. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';
import type { Logger } from '#logger';
import { answerBadHttp } from './answer-bad-http';
import { endAfterBody, unreadLimits } from './end-after-body';

/** How long a slow client may take. */
export interface TimeLimits {
  /** Until its header is complete. */
  headersMs: number;
  /** Until its request is complete, body included. */
  requestMs: number;
  /** How often this is looked at. */
  checkMs: number;
}

const TIME_LIMITS: TimeLimits = { headersMs: 60_000, requestMs: 300_000, checkMs: 5_000 };
/** Longer than the idle time of common load balancers, so that they are the ones who hang up. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;

const CLOSE_IDLE_EVERY_MS = 50;

export interface Listener {
  /** Where clients on this machine reach the API, such as `http://127.0.0.1:3000`. */
  url: string;
  /** Takes no new connection and waits for the answers in progress. */
  close(): Promise<void>;
}

export interface ListenOptions {
  host: string;
  port: number;
  /** Largest body of an import. */
  maxBytes: number;
  logger: Logger;
  /** How long slow clients may take, when not as long as usual. */
  limits?: TimeLimits | undefined;
}

/** Starts listening. @throws Error with a sentence when the address cannot be had */
export async function listen(app: Express, options: ListenOptions): Promise<Listener> {
  const { host, port, maxBytes, logger, limits = TIME_LIMITS } = options;
  const server = createServer(
    {
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      connectionsCheckingInterval: limits.checkMs,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      // Node would answer without a body: guard-requests does it with one.
      requireHostHeader: false,
    },
    app,
  );
  // Whoever asks before sending a body is told to go on when the body is really wanted (read-upload), not before the key
  // and the slot have been looked at.
  server.on('checkContinue', app);
  // Any other expectation is nobody's: without a listener Node would answer it, in words that are not ours.
  server.on('checkExpectation', app);
  const unread = unreadLimits(maxBytes);
  const deferred = endAfterBody(server, unread);
  answerBadHttp(server, unread, logger);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason =
        error.code === 'EADDRINUSE' ? 'it is in use; set PORT' : (error.code ?? 'unknown reason');
      reject(new Error(`Cannot listen on ${host}:${port}: ${reason}.`));
    });
    server.listen(port, host, resolve);
  });
  const { port: actual, family } = server.address() as AddressInfo;
  const shown = ['0.0.0.0', '::'].includes(host) ? '127.0.0.1' : host;
  return {
    url: `http://${family === 'IPv6' && shown.includes(':') ? `[${shown}]` : shown}:${actual}`,
    close: () =>
      new Promise((resolve) => {
        // A connection whose answer is still on its way becomes idle later.
        const closeIdle = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_EVERY_MS);
        server.close(() => {
          clearInterval(closeIdle);
          resolve();
        });
        server.closeIdleConnections();
        deferred.close();
      }),
  };
}
