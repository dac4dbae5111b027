/** Whatever is in the cells, and whatever the network or the disk did to the bytes. */
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { AppError } from '#errors';
import { unpack } from '#unpack/unpack';
import { countSpoolFiles } from '../support/spool-files';
import { workbookOf } from '../support/workbook';
import { zipOf } from '../support/zip';

async function read(bytes: Buffer, maxBytes = 5_000_000): Promise<string> {
  const body = Readable.from([bytes], { objectMode: false });
  const unpacked = await unpack(body, { maxBytes });
  try {
    return await text(unpacked.body);
  } finally {
    await unpacked.dispose();
  }
}

/** As Excel writes it: what XML cannot have, and what looks like that, is escaped. */
function toXml(cell: string): string {
  return cell
    .replaceAll(/_(?=x[0-9A-Fa-f]{4}_)/g, '_x005F_')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is escaped.
      /[\0-\x08\x0b-\x1f\ufffe\uffff]/g,
      (c) => `_x${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}_`,
    );
}

/** The names of columns: A, B, ..., AA. */
function columnName(index: number): string {
  const letter = String.fromCharCode(65 + (index % 26));
  return index < 26 ? letter : columnName(Math.floor(index / 26) - 1) + letter;
}

it('every table of texts is read as it was, from strings in the cells and from shared ones', async () => {
  const cell = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }).map((one) => one.toWellFormed()),
    fc.constantFrom(
      '',
      'a,b',
      '"',
      'line\nbreak',
      '\r\n',
      '_x000D_',
      '_x005F_',
      ' ',
      'sep=;',
      '[{',
      '007',
      '\ufeff',
    ),
  );
  const table = fc
    .tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 0, max: 6 }))
    .chain(([columns, rows]) =>
      fc.array(fc.array(cell, { minLength: columns, maxLength: columns }), {
        minLength: rows,
        maxLength: rows,
      }),
    );
  await fc.assert(
    fc.asyncProperty(table, fc.boolean(), async (rows, isShared) => {
      const columns = rows[0]?.length ?? 1;
      const header = Array.from({ length: columns }, (_, n) => `column ${n}`);
      const strings: string[] = [];
      const cellXml = (value: string, reference: string) => {
        if (!isShared) return `<c r="${reference}" t="inlineStr"><is><t>${toXml(value)}</t></is></c>`;
        strings.push(`<t xml:space="preserve">${toXml(value)}</t>`);
        return `<c r="${reference}" t="s"><v>${strings.length - 1}</v></c>`;
      };
      const xml = [header, ...rows].map(
        (row, y) =>
          `<row r="${y + 1}">${row
            .map((value, x) => (value === '' ? '' : cellXml(value, `${columnName(x)}${y + 1}`)))
            .join('')}</row>`,
      );
      const csv = await read(await workbookOf({ sheets: { S: xml.join('') }, strings }));
      const records: string[][] = parse(csv, { skip_empty_lines: false, relax_column_count: true });
      const padded = records.map((row) => [...row, ...Array(columns).fill('')].slice(0, columns));
      expect(padded).toEqual([header, ...rows]);
    }),
    { numRuns: 150 },
  );
});

it('damaged files are read or refused, never a fault of the service, and leave no file open', async () => {
  const fixture = (name: string) => readFileSync(`${__dirname}/../fixtures/spreadsheets/${name}`);
  const files = [
    fixture('people.xlsx'),
    fixture('workbook.xlsx'),
    await workbookOf({
      sheets: { S: '<row r="1"><c t="s"><v>0</v></c></row>' },
      strings: ['<t>user_id</t>'],
    }),
    await zipOf({ 'users.csv': 'user_id\na\n' }),
    await zipOf({ 'users.csv': 'user_id\na\n' }, false),
    gzipSync('user_id\na\n'),
  ];
  const damage = fc.array(
    fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 0, max: 255 })),
    {
      maxLength: 6,
    },
  );
  const share = fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true }));
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...files), damage, share, async (file, bytes, kept) => {
      const damaged = Buffer.from(file);
      for (const [at, byte] of bytes) damaged[Math.floor(at * (damaged.length - 1))] = byte;
      try {
        await read(damaged.subarray(0, Math.ceil(kept * damaged.length)));
      } catch (error) {
        if (!(error instanceof AppError) || error.status >= 500) throw error;
      }
      expect(countSpoolFiles()).toBe(0);
    }),
    { numRuns: 1_500 },
  );
});
