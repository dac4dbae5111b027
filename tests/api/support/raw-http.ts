/** HTTP by hand, for what no client library sends: half requests, broken heads, bodies in odd pieces. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Answer } from './refusal';

export interface RawAnswer extends Answer {
  /** The answer as it came. */
  text: string;
  /** Milliseconds since the connection was opened. */
  afterMs: number;
  /** Statuses of the 1xx answers before it. */
  informational: number[];
}

/** An open connection to a server. */
export interface RawConnection {
  socket: Socket;
  /** Waits until the bytes are handed to the network. */
  write(bytes: string | Buffer): Promise<void>;
  /** The next answer that is not a 1xx. @throws Error when the connection ends before or it takes too long */
  answer(timeoutMs?: number): Promise<RawAnswer>;
  /** Everything that came so far and was not taken as an answer. */
  received(): string;
  /** Ends it without a word, as a client that is killed. */
  reset(): Promise<void>;
}

export async function openRaw(url: string): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.setNoDelay(true);
  await once(socket, 'connect');
  let pending = Buffer.alloc(0);
  let ended = false;
  const startedMs = Date.now();
  socket.on('data', (bytes: Buffer) => {
    pending = Buffer.concat([pending, bytes]);
    socket.emit('news');
  });
  // A reset after the answer is no fault of the test.
  socket.on('error', () => undefined);
  socket.on('close', () => {
    ended = true;
    socket.emit('news');
  });

  return {
    socket,
    async write(bytes) {
      await new Promise<void>((resolve) => {
        socket.write(bytes, () => resolve());
      });
    },
    async answer(timeoutMs = 10_000) {
      const end = Date.now() + timeoutMs;
      const informational: number[] = [];
      for (;;) {
        const parsed = parseAnswer(pending, ended);
        if (parsed !== undefined) {
          pending = pending.subarray(parsed.length);
          const { status } = parsed.answer;
          if (status >= 200) return { ...parsed.answer, informational, afterMs: Date.now() - startedMs };
          informational.push(status);
          continue;
        }
        if (ended) throw new Error(`the connection ended after: ${JSON.stringify(pending.toString())}`);
        const leftMs = end - Date.now();
        if (leftMs <= 0) throw new Error(`no answer within ${timeoutMs} ms`);
        await once(socket, 'news', { signal: AbortSignal.timeout(leftMs) }).catch(() => undefined);
      }
    },
    received: () => pending.toString(),
    async reset() {
      if (ended) return;
      const closed = once(socket, 'close');
      socket.resetAndDestroy();
      await closed;
    },
  };
}

function parseAnswer(
  bytes: Buffer,
  ended: boolean,
): { answer: Omit<RawAnswer, 'afterMs' | 'informational'>; length: number } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const [statusLine = '', ...lines] = bytes.subarray(0, headEnd).toString('latin1').split('\r\n');
  const status = Number(statusLine.split(' ')[1]);
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const bodyStart = headEnd + 4;
  const bodyLength =
    status < 200 ? 0 : Number(headers['content-length'] ?? (ended ? bytes.length - bodyStart : NaN));
  if (!(bytes.length >= bodyStart + bodyLength)) return undefined;
  const text = bytes.subarray(bodyStart, bodyStart + bodyLength).toString();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = text;
  }
  return { answer: { status, headers, body, text }, length: bodyStart + bodyLength };
}

/** The head of a request. */
export function requestHead(
  method: string,
  target: string,
  headers: Record<string, string | number>,
): string {
  const lines = Object.entries({ Host: 'muster.test', ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  return [`${method} ${target} HTTP/1.1`, ...lines, '', ''].join('\r\n');
}

/** Sends the bytes over a connection of their own and takes the first answer. */
export async function exchange(url: string, ...pieces: (string | Buffer)[]): Promise<RawAnswer> {
  const connection = await openRaw(url);
  try {
    for (const piece of pieces) await connection.write(piece);
    return await connection.answer();
  } finally {
    await connection.reset();
  }
}
