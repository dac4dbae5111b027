/** A table is the same table in every dialect and encoding, and however the network cuts it. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { writeRecord } from '#file/split-record';
import { createRowReader } from '#pipeline/create-row-reader';
import { createFileCutter, type FileOptions } from '#pipeline/cut/cut-file';

/** What is read of a file: each row's line, id and metadata, or the codes of its errors. */
function read(bytes: Buffer, options: FileOptions = {}, chunkBytes = bytes.length || 1) {
  const cutter = createFileCutter({ format: undefined }, 'user', options);
  const rows: { raw: Buffer; line: number | null }[] = [];
  const emit = (raw: Buffer, line: number | null) => rows.push({ raw: Buffer.from(raw), line });
  for (let at = 0; at < bytes.length; at += chunkBytes)
    cutter.push(bytes.subarray(at, at + chunkBytes), emit);
  cutter.end(emit);
  const { reading } = cutter.settle();
  const readRow = createRowReader({ entity: 'user', csvHeader: cutter.header ?? null, reading });
  return rows.map(({ raw, line }) => {
    const { id, errors, metadata } = readRow(raw, line);
    return errors.length > 0 ? errors.map(({ code }) => code) : [id, JSON.parse(metadata)];
  });
}

const ENCODINGS: Record<string, (text: string) => Buffer> = {
  'utf-8': (text) => Buffer.from(text),
  'utf-8 with its mark': (text) => Buffer.from(`\ufeff${text}`),
  'utf-16le': (text) => Buffer.from(text, 'utf16le'),
  'utf-16le with its mark': (text) => Buffer.from(`\ufeff${text}`, 'utf16le'),
  'utf-16be with its mark': (text) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16(),
};

// No cell may be taken for blank, a control character, or a byte order mark of its own.
const cell = fc
  .string({
    unit: fc.constantFrom('a', 'B', '7', ' ', '"', 'é', '€', '漢', '😀', ',', ';', '|', '-', '\n'),
    maxLength: 6,
  })
  .map((text) => text.replace(/^\s+$/, ''));
const table = fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 8 });

/** What the rows are, whatever the file: an empty cell is none. */
function expected(rows: readonly [string, string][]) {
  return rows.map(([name, plan], n) => [
    `u${n}`,
    { ...(name !== '' && { name }), ...(plan !== '' && { plan }) },
  ]);
}

function write(rows: readonly [string, string][], delimiter: string, lineEnd: string): string {
  const records = rows.map(([name, plan], n) => writeRecord([name, `u${n}`, plan], delimiter));
  return [['name', 'user_id', 'plan'].join(delimiter), ...records].join(lineEnd);
}

describe.each(Object.entries(ENCODINGS))('a table in %s', (_name, encode) => {
  it('has the same rows with every delimiter and line end, in chunks of any size', () => {
    fc.assert(
      fc.property(
        table,
        fc.constantFrom(',', ';', '\t', '|'),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.integer({ min: 1, max: 40 }),
        (rows, delimiter, lineEnd, chunkBytes) => {
          if (lineEnd === '\r' && rows.flat().some((text) => text.includes('\n'))) return;
          const bytes = encode(write(rows, delimiter, lineEnd));
          expect(read(bytes, {}, chunkBytes)).toEqual(expected(rows));
          expect(read(bytes)).toEqual(expected(rows));
        },
      ),
      { numRuns: 200 },
    );
  });
});

it('a table in a Windows encoding has the same rows as in UTF-8, when that is said', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'ä', 'é', 'ß', ' ', ','), maxLength: 6 });
  const western = fc.array(fc.tuple(letters, letters), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(western, (rows) => {
      const trimmed = rows.map(([a, b]): [string, string] => [
        a.replace(/^\s+$/, ''),
        b.replace(/^\s+$/, ''),
      ]);
      const bytes = Buffer.from(write(trimmed, ';', '\r\n'), 'latin1');
      expect(read(bytes, { encoding: 'windows-1252' })).toEqual(expected(trimmed));
    }),
  );
});

it('whatever the bytes, reading a file ends in rows or in a refusal', () => {
  const pieces = fc.array(
    fc.oneof(
      fc.constantFrom(
        'user_id',
        ',',
        ';',
        '"',
        '\n',
        '\r\n',
        '{"user_id":"a"}',
        '{',
        '}',
        '[',
        ']',
        '\ufeff',
        'é',
      ),
      fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    ),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(pieces, fc.integer({ min: 1, max: 20 }), (parts, chunkBytes) => {
      const bytes = Buffer.from(parts.join(''), 'latin1');
      const attempt = (size?: number) => {
        try {
          return read(bytes, {}, size);
        } catch (error) {
          return (error as Error).name;
        }
      };
      const whole = attempt();
      expect(whole === 'AppError' || Array.isArray(whole)).toBe(true);
      // A fault may be found earlier than another one when less has come.
      if (Array.isArray(whole)) expect(attempt(chunkBytes)).toEqual(whole);
    }),
    { numRuns: 2_000 },
  );
});
