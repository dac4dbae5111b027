/**
 * What the NDJSON cutter guarantees, on examples and against a simple model that sees the whole body at once.
 */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createNdjsonCutter } from './ndjson';

const BOM = '\ufeff';

/** Rows as [line, text], one byte a character, so that broken UTF-8 compares too. `sizes` are used in turn. */
function cut(body: Buffer | string, sizes: number[] = [65_536]): [number | null, string][] {
  const bytes = Buffer.from(body);
  const rows: [number | null, string][] = [];
  const emit = (raw: Buffer, line: number | null) => rows.push([line, raw.toString('latin1')]);
  const cutter = createNdjsonCutter();
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    // The chunk is wiped after the call: a cutter that still looked at it would be found out.
    const chunk = Buffer.from(bytes.subarray(at, at + size));
    cutter.push(chunk, emit);
    chunk.fill(0);
    at += size;
  }
  cutter.end(emit);
  return rows;
}

function model(body: Buffer): [number, string][] {
  const text = body.toString('latin1').replace(/^\xef\xbb\xbf/, '');
  return text
    .split('\n')
    .map((line, index): [number, string] => [index + 1, line.replace(/\r$/, '')])
    .filter(([, line]) => /[^ \t\r]/.test(line));
}

function latin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}

describe('NDJSON cutter', () => {
  it('gives each line as a row with its line number', () => {
    expect(cut('{"a":1}\n{"a":2}\n')).toEqual([
      [1, '{"a":1}'],
      [2, '{"a":2}'],
    ]);
  });

  it('takes the last line with or without a line end', () => {
    for (const end of ['', '\n', '\r\n', '\r', '\n\n \n']) expect(cut(`1\n2${end}`)).toEqual(cut('1\n2'));
  });

  it('takes \\r\\n and \\n mixed, and strips one \\r only', () => {
    expect(cut('1\r\n2\n3\r\r\n4')).toEqual([
      [1, '1'],
      [2, '2'],
      [3, '3\r'],
      [4, '4'],
    ]);
  });

  it('ends a line at nothing but \\n', () => {
    for (const other of ['\r', '\u2028', '\u2029', '\u0085', '\v', '\f', '\0']) {
      expect(cut(`"a${other}b"`)).toEqual([[1, latin1(`"a${other}b"`)]]);
    }
  });

  it('skips blank lines but counts them', () => {
    expect(cut('\n \t\n1\n\r\n\r\r\n2\n\n')).toEqual([
      [3, '1'],
      [6, '2'],
    ]);
    for (const blank of ['', '\n', '\r\n', ' ', '\n\n\t\r\n', BOM, `${BOM}\n \n`])
      expect(cut(blank)).toEqual([]);
  });

  it("takes white space that is not JSON's for a row", () => {
    for (const space of ['\v', '\f', '\u00a0', '\u2028', '\0'])
      expect(cut(space)).toEqual([[1, latin1(space)]]);
  });

  it('keeps the spaces around a row', () => {
    expect(cut('  1\t\n')).toEqual([[1, '  1\t']]);
  });

  it('drops a byte order mark at the very start and nowhere else', () => {
    expect(cut(`${BOM}1\n${BOM}2`)).toEqual([
      [1, '1'],
      [2, latin1(`${BOM}2`)],
    ]);
    expect(cut(`${BOM}${BOM}1`)).toEqual([[1, latin1(`${BOM}1`)]]);
    expect(cut(`\n${BOM}1`)).toEqual([[2, latin1(`${BOM}1`)]]);
    expect(cut(Buffer.from([0xef, 0xbb, 0x0a, 0xef]))).toEqual([
      [1, '\xef\xbb'],
      [2, '\xef'],
    ]);
  });

  it('hands on invalid UTF-8 as it came', () => {
    const bytes = Buffer.from([0x22, 0xff, 0xc3, 0x22, 0x0a, 0xed, 0xa0, 0x80]);
    expect(cut(bytes)).toEqual([
      [1, '"\xff\xc3"'],
      [2, '\xed\xa0\x80'],
    ]);
  });

  it('keeps characters, line ends and the byte order mark whole when every byte comes alone', () => {
    const body = `${BOM}"😀"\r\n\r\n"é\u2028"\r\n`;
    expect(cut(body, [1])).toEqual([
      [1, latin1('"😀"')],
      [3, latin1('"é\u2028"')],
    ]);
  });

  it('gives the rows of the model for any bytes in any chunks', () => {
    const piece = fc.oneof(
      fc
        .constantFrom('\n', '\r', '\r\n', ' ', '\t', '{"a":1}', 'é😀', '\u2028', BOM, '\v')
        .map((s) => Buffer.from(s)),
      fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes)),
    );
    const body = fc.array(piece, { maxLength: 40 }).map((pieces) => Buffer.concat(pieces));
    const sizes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(body, sizes, (bytes, chunkSizes) => {
        expect(cut(bytes, chunkSizes)).toEqual(model(bytes));
      }),
      { numRuns: 1_000 },
    );
  });

  it('emits a view on the chunk when the line lies in one chunk', () => {
    const chunk = Buffer.from('1\n22\n');
    const rows: Buffer[] = [];
    createNdjsonCutter().push(chunk, (raw) => rows.push(raw));
    expect(rows.map((row) => row.buffer === chunk.buffer)).toEqual([true, true]);
  });

  it('takes linear time for one line of 20 MB in 400,000 chunks', () => {
    const piece = Buffer.alloc(50, 'x');
    const cutter = createNdjsonCutter();
    const lengths: number[] = [];
    const emit = (raw: Buffer) => lengths.push(raw.length);
    const startedAtMs = performance.now();
    for (let i = 0; i < 400_000; i++) cutter.push(piece, emit);
    cutter.end(emit);
    expect(lengths).toEqual([20_000_000]);
    expect(performance.now() - startedAtMs).toBeLessThan(5_000);
  });
});
