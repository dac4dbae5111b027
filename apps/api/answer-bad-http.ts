/**
 * What Node's parser refuses, and what does not arrive in time, is answered as every other error: with the error body and a
 * request id, logged and counted. It comes behind the answers that are still due on the connection: bytes that are no
 * request say nothing about a request before them, which may be an import that is being accepted.
 * Invariant: nothing is written into an answer that has begun.
 */
import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { AppError, type ErrorCode } from '#errors';
import type { Logger } from '#logger';
import { countRefused, observeRequest } from '#metrics';
import type { UnreadLimits } from './end-after-body';
import { ownDialect } from './own-dialect';

/** Node's codes; any other is invalid_request. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'payload_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

interface Exchange {
  req: IncomingMessage;
  res: ServerResponse;
}

export function answerBadHttp(server: Server, limits: UnreadLimits, logger: Logger): void {
  const open = new WeakMap<Duplex, Set<Exchange>>();
  const refused = new WeakSet<Duplex>();

  const follow = (req: IncomingMessage, res: ServerResponse) => {
    const exchange = { req, res };
    const exchanges = open.get(req.socket) ?? new Set();
    open.set(req.socket, exchanges.add(exchange));
    res.once('close', () => exchanges.delete(exchange));
  };
  for (const event of ['request', 'checkContinue', 'checkExpectation']) server.prependListener(event, follow);

  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // Whatever comes behind what was refused is refused again.
    if (refused.has(socket)) return;
    refused.add(socket);
    const exchanges = [...(open.get(socket) ?? [])];
    const due = exchanges.filter(({ req }) => req.complete);
    // Its body is not complete and never will be.
    const broken = exchanges.find(({ req }) => !req.complete);
    const closed = due.map(({ res }) => new Promise((resolve) => res.once('close', resolve)));
    void Promise.all(closed).then(() => {
      const isCutOff = due.some(({ res }) => !res.writableFinished) || broken?.res.headersSent;
      if (isCutOff || !socket.writable || error.code === 'ECONNRESET') socket.destroy(error);
      else refuse(new AppError(CODES[error.code ?? ''] ?? 'invalid_request'), socket, broken);
    });
  });
  // A proxy is what takes this method.
  server.on('connect', (_req, socket: Duplex) =>
    refuse(new AppError('method_not_allowed'), socket, undefined),
  );

  const refuse = (error: AppError, socket: Duplex, broken: Exchange | undefined) => {
    const known = broken?.res.getHeader('X-Request-Id');
    const requestId = typeof known === 'string' ? known : randomUUID();
    countRefused(error.code);
    // The request that is broken off here is logged and observed when it closes.
    if (broken !== undefined) broken.res.statusCode = error.status;
    else {
      observeRequest(null, error.status, 0);
      const fields = { request_id: requestId, method: null, route: null, status: error.status };
      logger.info(fields, 'request');
    }
    endSocket(socket, writeAnswer(error, requestId), limits);
  };
}

function writeAnswer(error: AppError, requestId: string): string {
  const body = JSON.stringify(ownDialect.writeError(error, requestId));
  return [
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    'Cache-Control: private, no-store',
    `Date: ${new Date().toUTCString()}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}

/** Writes the last answer of a connection, and drops what still arrives: a reset would take the answer with it. */
function endSocket(socket: Duplex, answer: string, limits: UnreadLimits): void {
  let bytes = 0;
  const end = () => socket.destroy();
  const total = setTimeout(end, limits.totalMs);
  const idle = setTimeout(end, limits.idleMs);
  // The parser gets nothing any more: a request that became complete now would be done, though it was refused.
  socket.removeAllListeners('data');
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > limits.bytes) end();
    else idle.refresh();
  });
  socket.once('end', end).once('close', () => {
    clearTimeout(total);
    clearTimeout(idle);
  });
  socket.end(answer);
  socket.resume();
}
