/** Records are read the same, alone and among others. */
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ENTITIES } from '#job/entity';
import { parseRecord, parseRecords } from './csv-record';
import { createCutter } from './cut/create-cutter';

it('many records have the cells that each has alone, wherever quotes and line ends are', () => {
  // Little else than what CSV is made of, so that wrong and right quotes are about as frequent.
  const piece = fc.constantFrom('"', '""', ',', '\n', '\r', '\r\n', 'a', 'é', '"x"', ',"y, z",', '\ufeff');
  const file = fc.array(piece, { maxLength: 60 }).map((pieces) => `id\n${pieces.join('')}`);
  let quoted = 0;
  fc.assert(
    fc.property(file, (text) => {
      const records: Buffer[] = [];
      const cutter = createCutter('csv', ENTITIES.user, null);
      const keep = (raw: Buffer) => records.push(Buffer.from(raw));
      cutter.push(Buffer.from(text), keep);
      cutter.end(keep);
      const alone = records.map((raw) => parseRecord(raw));
      quoted += alone.filter((cells, index) => cells && records[index]?.includes('"')).length;
      expect(parseRecords(records)).toEqual(alone);
    }),
    { numRuns: 2_000 },
  );
  expect(quoted).toBeGreaterThan(200);
});

it('a record that is no UTF-8 or has wrong quotes has no cells, and costs no other its own', () => {
  const records = ['"a",b', 'a"b', 'plain,1', '"c ""d"""'].map((text) => Buffer.from(text));
  records.push(Buffer.from([0xff, 0x22]));
  expect(parseRecords(records)).toEqual([['a', 'b'], undefined, ['plain', '1'], ['c "d"'], undefined]);
});
