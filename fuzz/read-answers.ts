/** Reads HTTP/1.1 answers off a stream of bytes, strictly: what is not an answer stays in the rest. Pure. */

export interface Answer {
  status: number;
  /** Lower-case names; of a name that comes twice the values are joined by a line feed. */
  headers: Record<string, string>;
  body: Buffer;
  /** All of its bytes. */
  raw: Buffer;
}

export interface Answers {
  answers: Answer[];
  informational: number;
  rest: Buffer;
}

const HEAD_END = '\r\n\r\n';
const STATUS_LINE = /^HTTP\/1\.1 ([1-5]\d\d) [\x20-\x7e]*$/;
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t\x20-\x7e\x80-\xff]*)$/;

/**
 * All whole answers.
 * @param isOver no more bytes will come, so an answer without a length has ended
 */
export function readAnswers(bytes: Buffer, isOver: boolean): Answers {
  const result: Answers = { answers: [], informational: 0, rest: bytes };
  for (;;) {
    const answer = readAnswer(result.rest, isOver);
    if (answer === undefined) return result;
    if (answer.status < 200) result.informational++;
    else result.answers.push(answer);
    result.rest = result.rest.subarray(answer.raw.length);
  }
}

function readAnswer(bytes: Buffer, isOver: boolean): Answer | undefined {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd === -1) return undefined;
  const [statusLine = '', ...lines] = bytes.subarray(0, headEnd).toString('latin1').split('\r\n');
  const status = Number(STATUS_LINE.exec(statusLine)?.[1]);
  const headers = readHeaders(lines);
  if (Number.isNaN(status) || headers === undefined) return undefined;
  const start = headEnd + HEAD_END.length;
  const read = readBody(status, headers, bytes.subarray(start), isOver);
  return read && { status, headers, body: read.body, raw: bytes.subarray(0, start + read.length) };
}

function readHeaders(lines: readonly string[]): Record<string, string> | undefined {
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [, name = '', value = ''] = HEADER_LINE.exec(line) ?? [];
    if (name === '') return undefined;
    const before = headers[name.toLowerCase()];
    headers[name.toLowerCase()] = before === undefined ? value : `${before}\n${value}`;
  }
  return headers;
}

/** The body and how many bytes it takes; undefined when it has not all come, or is none by the rules. */
function readBody(
  status: number,
  headers: Record<string, string>,
  bytes: Buffer,
  isOver: boolean,
): { body: Buffer; length: number } | undefined {
  if (status < 200 || status === 204 || status === 304) return { body: Buffer.alloc(0), length: 0 };
  const declared = headers['content-length'];
  if (declared === undefined && headers['transfer-encoding'] === 'chunked') return readChunks(bytes);
  if (declared === undefined) return isOver ? { body: bytes, length: bytes.length } : undefined;
  const length = /^\d+$/.test(declared) ? Number(declared) : Number.NaN;
  return bytes.length >= length ? { body: bytes.subarray(0, length), length } : undefined;
}

function readChunks(bytes: Buffer): { body: Buffer; length: number } | undefined {
  const pieces: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const digits = bytes.subarray(at, Math.max(at, lineEnd)).toString('latin1');
    if (lineEnd === -1 || !/^[0-9a-f]+$/i.test(digits)) return undefined;
    const start = lineEnd + 2;
    const end = start + Number.parseInt(digits, 16);
    if (bytes.toString('latin1', end, end + 2) !== '\r\n') return undefined;
    if (end === start) return { body: Buffer.concat(pieces), length: end + 2 };
    pieces.push(bytes.subarray(start, end));
    at = end + 2;
  }
}
