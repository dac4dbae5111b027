/** What the cutters guarantee of rows that are longer than a row may be. */
import { describe, expect, it } from '@jest/globals';
import { MAX_ROW_BYTES } from '../read-row';
import { createFileCutter, type Format, HEAD_BYTES } from './cut-file';

const CHUNK_BYTES = 64 * 1024;

interface CutRow {
  line: number | null;
  raw: string;
  pieces: number;
}

/** The rows of a body, put together again, and the most bytes that were held between two chunks. */
function cut(format: Format, body: Buffer, chunkBytes: number, splits = true) {
  const cutter = createFileCutter({ format }, 'user');
  const rows: { line: number | null; pieces: Buffer[] }[] = [];
  let held = 0;
  const emit = (raw: Buffer, line: number | null) => rows.push({ line, pieces: [Buffer.from(raw)] });
  const emitTail = splits ? (piece: Buffer) => void rows.at(-1)?.pieces.push(Buffer.from(piece)) : undefined;
  for (let at = 0; at < body.length; at += chunkBytes) {
    cutter.push(body.subarray(at, at + chunkBytes), emit, emitTail);
    held = Math.max(held, cutter.unfinishedBytes);
  }
  cutter.end(emit, emitTail);
  const whole = rows.map(
    ({ line, pieces }): CutRow => ({
      line,
      raw: Buffer.concat(pieces).toString('latin1'),
      pieces: pieces.length,
    }),
  );
  return { rows: whole, held, heads: rows.map(({ pieces }) => pieces[0]?.length ?? 0) };
}

const long = (bytes: number) => 'Long, é or not. '.repeat(Math.ceil(bytes / 16)).slice(0, bytes);
const object = (id: string, bytes: number) =>
  JSON.stringify({ user_id: id, metadata: { text: long(bytes) } });

const BODIES: Record<Format, string> = {
  ndjson: `\ufeff${object('a', 3 * MAX_ROW_BYTES)}\r\n{"user_id":"b"}\r\n\n${object('c', 2 * MAX_ROW_BYTES)}\n{"user_id":"d"}\n${object('e', MAX_ROW_BYTES)}`,
  json: `{"${'k'.repeat(2 * MAX_ROW_BYTES)}":1,"users":[${object('a', 3 * MAX_ROW_BYTES)},{"user_id":"b"},{\n"user_id":\r\n"c","metadata":{\n"text":"${long(MAX_ROW_BYTES)}"\n,\n"more":"${long(MAX_ROW_BYTES)}"\n}}]}`,
  csv: `\ufeffuser_id,text\r\na,"${long(2 * MAX_ROW_BYTES)}\r\n""${long(MAX_ROW_BYTES)}"\r\nb,1\r\n\r\nc,${long(2 * MAX_ROW_BYTES)}\r\nd,2`,
};

describe.each(Object.keys(BODIES) as Format[])('A long row of %s', (format) => {
  const body = Buffer.from(BODIES[format]);
  const whole = cut(format, body, CHUNK_BYTES, false).rows.map(({ line, raw }) => ({ line, raw }));

  it.each([1_000, CHUNK_BYTES, 300_000])('has the same bytes as a whole, in chunks of %d', (bytes) => {
    const { rows } = cut(format, body, bytes);
    expect(rows.map(({ line, raw }) => ({ line, raw }))).toEqual(whole);
    expect(Math.max(...rows.map(({ pieces }) => pieces))).toBeGreaterThan(3);
  });

  it('is never held beyond what a row may have and a chunk', () => {
    expect(cut(format, body, CHUNK_BYTES).held).toBeLessThan(MAX_ROW_BYTES + HEAD_BYTES + 2 * CHUNK_BYTES);
  });

  it('begins with more bytes than a row may have, so that it is refused for its size', () => {
    const { rows, heads } = cut(format, body, CHUNK_BYTES);
    for (const [index, { pieces }] of rows.entries()) {
      if (pieces > 1) expect(heads[index]).toBeGreaterThan(MAX_ROW_BYTES);
    }
  });
});
