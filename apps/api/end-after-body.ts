/**
 * An answer that goes out while its request is still being sent is written in full at once, but ended only when the body
 * has arrived: a connection that closes with unread bytes is reset, and the client, or the proxy in front of it, loses the
 * answer. What arrives after the answer is dropped as it comes, never kept.
 * Invariant: until it has ended, such a request counts as open, for its socket and for its key, and is bounded by all three
 * limits.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { countLimitHit } from '#metrics';

/** What is read of a body after its answer. Whoever sends more, or more slowly, is hung up on. */
export interface UnreadLimits {
  bytes: number;
  /** From the answer on. */
  totalMs: number;
  /** Without a byte. */
  idleMs: number;
}

/** Beyond MAX_BYTES: a file that is somewhat too large still gets its 413, whatever sends it. */
const ALLOWANCE_BYTES = 64 * 1024 * 1024;
/** How long an answer is held back behind a proxy: a share of the whole time, while bytes come. */
const HOLD_SHARE = 0.8;
const HOLD_IDLE_MS = 1_000;
const HOLD_EXPECTING_MS = 250;
/** While the server closes. */
const CLOSING_MS = 1_000;

/** @param maxBytes largest body of an import */
export function unreadLimits(maxBytes: number): UnreadLimits {
  return { bytes: maxBytes + ALLOWANCE_BYTES, totalMs: 10_000, idleMs: 5_000 };
}

export interface EndAfterBody {
  /** The server closes: nobody is waited for longer than a second. */
  close(): void;
}

/** Follows every request of the server. Call it before any handler is attached to the server's requests. */
export function endAfterBody(server: Server, limits: UnreadLimits): EndAfterBody {
  const waiting = new Set<() => void>();
  const follow = (req: IncomingMessage, res: ServerResponse) => {
    if (hasBody(req)) deferEnd(req, res, limits, waiting);
  };
  for (const event of ['request', 'checkContinue', 'checkExpectation']) server.prependListener(event, follow);
  return {
    close() {
      const timer = setInterval(() => {
        for (const stop of [...waiting]) stop();
      }, CLOSING_MS);
      server.once('close', () => clearInterval(timer));
    },
  };
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function deferEnd(
  req: IncomingMessage,
  res: ServerResponse,
  limits: UnreadLimits,
  waiting: Set<() => void>,
): void {
  const end = res.end.bind(res) as (...args: unknown[]) => ServerResponse;
  const isEndless = Number(req.headers['content-length'] ?? 0) > limits.bytes;
  let isEnding = false;

  const answer = (args: unknown[], left: UnreadLimits) => {
    if (req.complete || req.destroyed) return void end(...args);
    const callback = args.find((arg) => typeof arg === 'function') as (() => void) | undefined;
    if (callback !== undefined) res.once('finish', callback);
    if (isEndless && !res.headersSent) res.setHeader('Connection', 'close');
    writeAll(req, res, args);
    dropBody(req, left, waiting, () => {
      if (!req.complete) {
        if (!req.destroyed) countLimitHit('unread_body');
        // A connection with a part of a body on it can carry no other request.
        res.once('finish', () => req.socket.destroySoon());
      }
      end();
    });
  };
  const endLater = (...args: unknown[]): ServerResponse => {
    if (isEnding) return res;
    isEnding = true;
    if (!isProxied(req) || isEndless || req.complete) answer(args, limits);
    else {
      dropBody(req, holdLimits(req, limits), waiting, (bytes, ms) =>
        answer(args, { ...limits, bytes: limits.bytes - bytes, totalMs: limits.totalMs - ms }),
      );
    }
    return res;
  };
  res.end = endLater as ServerResponse['end'];
}

/**
 * Proxies written in Go (Caddy, Traefik) hang up on a client half a second after an answer is complete, whatever it is still
 * sending. Behind a proxy the answer is therefore held back for as long as the body keeps coming.
 */
function isProxied({ headers }: IncomingMessage): boolean {
  return ['x-forwarded-for', 'forwarded', 'via'].some((name) => headers[name] !== undefined);
}

/** A client that waits to be told to send its body sends none. */
function holdLimits(req: IncomingMessage, { bytes, totalMs }: UnreadLimits): UnreadLimits {
  const idleMs = req.headers.expect === undefined ? HOLD_IDLE_MS : HOLD_EXPECTING_MS;
  return { bytes, totalMs: totalMs * HOLD_SHARE, idleMs };
}

/** Everything but the end. Its length is declared, so that a client knows that it has it all. */
function writeAll(req: IncomingMessage, res: ServerResponse, args: readonly unknown[]): void {
  const [first, second] = args.filter((arg) => typeof arg !== 'function');
  const chunk = first as string | Uint8Array | undefined;
  const encoding = (second as BufferEncoding | undefined) ?? 'utf8';
  const isBodiless = req.method === 'HEAD' || res.statusCode === 204 || res.statusCode === 304;
  if (!res.headersSent && !isBodiless && !res.hasHeader('Content-Length')) {
    res.setHeader('Content-Length', Buffer.byteLength(chunk ?? '', encoding));
  }
  if (chunk === undefined || isBodiless) res.flushHeaders();
  else res.write(chunk, encoding);
}

/**
 * Drops what arrives, until the body is over, the client has gone, or a limit is met.
 * @param isOver gets the bytes that were dropped and the time that it took
 */
function dropBody(
  req: IncomingMessage,
  limits: UnreadLimits,
  waiting: Set<() => void>,
  isOver: (bytes: number, ms: number) => void,
): void {
  const begunMs = performance.now();
  let bytes = 0;
  const done = () => {
    clearTimeout(total);
    clearTimeout(idle);
    waiting.delete(done);
    req.off('data', drop).off('end', done).off('close', done);
    isOver(bytes, performance.now() - begunMs);
  };
  const drop = (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > limits.bytes) done();
    else idle.refresh();
  };
  const total = setTimeout(done, limits.totalMs);
  const idle = setTimeout(done, limits.idleMs);
  waiting.add(done);
  // Whatever was reading it holds it up no longer.
  req.unpipe();
  req.on('data', drop).once('end', done).once('close', done).resume();
}
