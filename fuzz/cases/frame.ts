/**
 * Puts a body into HTTP/1.1 by hand: the head, its length or chunks, and the ways to get them wrong. Whatever is sent
 * passes through here, because no client library would send most of it.
 */
import type { Random } from './random';

/** Header lines in order; a name may come twice. */
export type Headers = readonly (readonly [name: string, value: string])[];

export interface Message {
  method: string;
  target: string;
  headers: Headers;
  body: Buffer;
}

/** How a body is delimited, as bytes of a request. */
export type Framing = (message: Message) => Buffer;

/** The head alone. */
export function writeHead({ method, target, headers }: Message, version = 'HTTP/1.1'): Buffer {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${method} ${target} ${version}\r\n${lines.join('')}\r\n`);
}

const withHeaders = (message: Message, ...more: [string, string][]): Message => ({
  ...message,
  headers: [...message.headers, ...more],
});

function declared(message: Message, ...headers: [string, string][]): Buffer {
  return Buffer.concat([writeHead(withHeaders(message, ...headers)), message.body]);
}

/** By Content-Length, as it should be. */
export function withLength(message: Message): Buffer {
  return declared(message, ['Content-Length', String(message.body.length)]);
}

/** In chunks of these sizes in turn. */
export function withChunks(message: Message, sizes: readonly number[], extension = ''): Buffer {
  const head = writeHead(withHeaders(message, ['Transfer-Encoding', 'chunked']));
  return Buffer.concat([head, chunked(message.body, sizes, extension), Buffer.from('0\r\n\r\n')]);
}

function chunked(body: Buffer, sizes: readonly number[], extension = ''): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0, n = 0; at < body.length; n++) {
    const size = Math.min(sizes[n % sizes.length] ?? 1, body.length - at);
    pieces.push(
      Buffer.from(`${size.toString(16)}${extension}\r\n`),
      body.subarray(at, at + size),
      Buffer.from('\r\n'),
    );
    at += size;
  }
  return Buffer.concat(pieces);
}

/** A good framing; bodies above 64 kB never in tiny chunks. */
export function frame(random: Random, message: Message): Buffer {
  const smallest = message.body.length > 65_536 ? 4_000 : 1;
  return random.weighted<() => Buffer>([
    [6, () => withLength(message)],
    [2, () => withChunks(message, [smallest + random.whole(100), smallest + random.whole(5_000)])],
    [1, () => withChunks(message, [smallest + random.whole(3)], random.pick([';a=b', ';x', ';a="q"']))],
  ])();
}

/** A request that stands where a body should be; only a server that is fooled answers it. */
export function smuggled(requestId: string): Buffer {
  return Buffer.from(`GET /healthz HTTP/1.1\r\nHost: muster.test\r\nX-Request-Id: ${requestId}\r\n\r\n`);
}

/** Framings that must be refused, whatever follows: two statements of the length, or one that no one understands. */
const REFUSED: readonly Framing[] = [
  (message) => declared(message, ['Content-Length', '5'], ['Transfer-Encoding', 'chunked']),
  (message) => declared(message, ['Transfer-Encoding', 'chunked'], ['Content-Length', '5']),
  (message) => declared(message, ['Content-Length', '0'], ['Content-Length', String(message.body.length)]),
  (message) => declared(message, ['Content-Length', `${message.body.length}, 0`]),
  (message) => declared(message, ['Content-Length', '-1']),
  (message) => declared(message, ['Content-Length', '+5']),
  (message) => declared(message, ['Content-Length', '0x5']),
  (message) => declared(message, ['Content-Length', '5 5']),
  (message) => declared(message, ['Content-Length', '99999999999999999999']),
  (message) => declared(message, ['Content-Length', '']),
  (message) => declared(message, ['Transfer-Encoding', 'chunked, identity']),
  (message) => declared(message, ['Transfer-Encoding', 'xchunked']),
  (message) => declared(message, ['Transfer-Encoding', 'identity'], ['Content-Length', '0']),
  (message) => declared(message, ['Transfer-Encoding ', 'chunked']),
  (message) => declared(message, ['Transfer-Encoding', '\x0bchunked']),
  (message) => declared(message, ['Content-Length ', '0']),
];

/** Framings that are wrong in a way that leaves open what the server makes of it. */
const ODD: readonly Framing[] = [
  (message) => declared(message, ['Content-Length', String(message.body.length + 7)]),
  (message) => declared(message, ['Content-Length', String(Math.max(0, message.body.length - 7))]),
  (message) => declared(message, ['Content-Length', `00${message.body.length}`]),
  (message) => declared(message, ['Transfer-Encoding', 'chunked']),
  (message) => declared(message),
  (message) => declared(message, ['Transfer-Encoding', 'gzip, chunked']),
  (message) => withChunks(message, [100]).subarray(0, -5),
  (message) =>
    Buffer.concat([withChunks(message, [50]).subarray(0, -2), Buffer.from('X-Trailer: a\r\n\r\n')]),
  (message) => brokenChunk(message, 'fffffffffffffffff\r\n'),
  (message) => brokenChunk(message, '-5\r\nabc\r\n'),
  (message) => brokenChunk(message, '5\nabcde\n'),
  (message) => brokenChunk(message, '0x5\r\nabcde\r\n'),
  (message) => brokenChunk(message, '5\r\nabcdefgh\r\n'),
  (message) => brokenChunk(message, `5;${'e'.repeat(20_000)}\r\nabcde\r\n`),
  (message) => Buffer.from(withLength(message).toString('latin1').replaceAll('\r\n', '\n'), 'latin1'),
  (message) => Buffer.concat([writeHead(message, 'HTTP/1.0'), message.body]),
  (message) => Buffer.concat([writeHead(message, 'HTTP/2.0'), message.body]),
];

function brokenChunk(message: Message, chunk: string): Buffer {
  const head = writeHead(withHeaders(message, ['Transfer-Encoding', 'chunked']));
  return Buffer.concat([head, chunked(message.body, [200]), Buffer.from(`${chunk}0\r\n\r\n`)]);
}

/** A framing that must be refused with 400. */
export function frameToRefuse(random: Random, message: Message): Buffer {
  return random.pick(REFUSED)(message);
}

/** A framing that is wrong. */
export function frameOddly(random: Random, message: Message): Buffer {
  return random.pick(ODD)(message);
}
