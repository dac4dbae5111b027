/**
 * What Node's parser refuses is answered behind the answers that are still due on the connection: bytes that are no request
 * say nothing about a request before them, which may be an import that is being accepted.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** As Node itself answers them. */
const STATUS_LINES: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

interface Exchange {
  req: IncomingMessage;
  res: ServerResponse;
}

export function answerBadHttp(server: Server): void {
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
    // One whose body is not complete never will be.
    const due = exchanges.filter(({ req }) => req.complete);
    const closed = due.map(({ res }) => new Promise((resolve) => res.once('close', resolve)));
    void Promise.all(closed).then(() => refuse(error, socket, exchanges));
  });
}

function refuse(error: NodeJS.ErrnoException, socket: Duplex, exchanges: readonly Exchange[]): void {
  const isAnswering = exchanges.some(({ res }) => res.headersSent && !res.writableEnded);
  if (socket.writable && !isAnswering && error.code !== 'ECONNRESET') {
    const status = STATUS_LINES[error.code ?? ''] ?? '400 Bad Request';
    socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
  }
  socket.destroy(error);
}
