/** Records are divided as RFC 4180 has it, and what it leaves open is never guessed. */
import { describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { splitRecord, writeRecord } from './split-record';

const cell = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc.constantFrom('', '"', 'a"b', ',', ';', '\t', 'two\nlines', '\r', ' a ', '""', 'é'),
);

it('what was written reads back, with every delimiter', () => {
  fc.assert(
    fc.property(
      fc.array(cell, { minLength: 1 }),
      fc.constantFrom(',', ';', '\t', '|'),
      (cells, delimiter) => {
        expect(splitRecord(writeRecord(cells, delimiter), delimiter)).toEqual({ cells });
      },
    ),
  );
});

it('what another parser reads without a fault is read the same', () => {
  const pieces = fc.array(fc.constantFrom('a', '"', '""', ',', 'b c', '\n'), { minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(pieces, (parts) => {
      const text = parts.join('');
      let records: string[][];
      try {
        records = parse(text, { relax_column_count: true, record_delimiter: '\u0000' });
      } catch {
        return;
      }
      if (records.length === 1) expect(splitRecord(text, ',')).toEqual({ cells: records[0] });
    }),
    { numRuns: 2_000 },
  );
});

describe('a quote', () => {
  it.each([
    ['u1,5" pipe', ['u1', '5" pipe']],
    ['u1, "a"', ['u1', ' "a"']],
    ['"a ""b"" c",d', ['a "b" c', 'd']],
    ['"",x', ['', 'x']],
  ])('in %s is read as %j', (text, cells) => expect(splitRecord(text, ',')).toEqual({ cells }));

  it.each([
    ['u1,"Anna', 'quote_not_closed', 0],
    ['u1,"a\nb","c\nd', 'quote_not_closed', 1],
    ['u1,"a "b" c"', 'invalid_closing_quote', 0],
    ['u1,"a\nb"c', 'invalid_closing_quote', 1],
  ])('in %j is a fault, and it is said on which line', (text, fault, linesBefore) => {
    expect(splitRecord(text, ',')).toEqual({ fault, linesBefore });
  });
});
