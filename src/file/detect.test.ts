/** What a file is, is found in the file: nothing is guessed that could be UTF-8, and no cell is changed. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { detectLayout } from './detect-delimiter';
import { detectEncoding, detectWide } from './detect-encoding';
import { detectJson, isTable } from './detect-format';
import { writeRecord } from './split-record';
import { createDetectingTranscoder, createTranscoder, type Transcoder } from './to-utf8';

function read(transcoder: Transcoder, bytes: Uint8Array, chunkBytes = 7): Buffer {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes)
    parts.push(transcoder.push(bytes.subarray(at, at + chunkBytes)));
  return Buffer.concat([...parts, transcoder.end()]);
}

const latin1 = (text: string) => Buffer.from(text, 'latin1');
const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16();

describe('an encoding', () => {
  it.each([
    ['utf-16le', Buffer.from('\ufeffuser_id,name\n', 'utf16le')],
    ['utf-16le', Buffer.from('user_id,name\n', 'utf16le')],
    ['utf-16le', Buffer.from('\ufeffИмя,user_id\n', 'utf16le')],
    ['utf-16be', utf16be('\ufeffuser_id,name\n')],
    ['utf-16be', utf16be('user_id,name\n')],
    [undefined, Buffer.from('\ufeffuser_id\n')],
    [undefined, latin1('\xff\xfe{"user_id":"a"}\n')],
  ])('is %s by its first bytes', (encoding, bytes) => expect(detectWide(bytes)).toBe(encoding));

  it.each([
    ['utf-8', Buffer.from('u1,Zoë\nu2,Müller\n')],
    ['utf-8', Buffer.concat([Buffer.from('u1,Zoë\n'), latin1('u2,M\xfcller\n')])],
    ['utf-8', latin1('u1,\xff\n')],
    ['utf-8', Buffer.from('u1,Zoë').subarray(0, -1)],
    ['windows-1252', latin1('u1,Zo\xebk\nu2,M\xfcller\n')],
    ['windows-1252', latin1('u1,caf\xe9 \x96 5\x80\n')],
    ['iso-8859-15', latin1('u1,5\xa4 f\xfcr M\xfcller\n')],
    [
      'windows-1251',
      latin1(
        `u1,${'\xcf\xf0\xe8\xe2\xe5\xf2, \xec\xe8\xf0 \xe8 \xe2\xf1\xe5 \xeb\xfe\xe4\xe8 '.repeat(4)}\n`,
      ),
    ],
    [
      'shift_jis',
      latin1(`u1,${'\x93\xfa\x96\x7b\x8c\xea\x82\xcc\x83\x65\x83\x4c\x83\x58\x83\x67'.repeat(6)}\n`),
    ],
  ])('is %s by its letters', (encoding, bytes) => expect(detectEncoding(bytes)).toBe(encoding));

  it('of Windows has its signs', () => {
    expect(read(createTranscoder('windows-1252'), latin1('\x80\x84\x93\xe9')).toString()).toBe('€„“é');
  });

  it('is told wherever its first letter is, and however the file is cut', () => {
    const text = `user_id,name\n${'u,plain ascii\n'.repeat(20_000)}u1,Zoë\nu2,Müller\n`;
    for (const chunkBytes of [100, 65_536, 1_000_000]) {
      const transcoder = createDetectingTranscoder();
      expect(read(transcoder, latin1(text), chunkBytes).toString()).toBe(text);
      expect(transcoder.encoding).toBe('windows-1252');
      expect(read(createDetectingTranscoder(), Buffer.from(text), chunkBytes).toString()).toBe(text);
    }
  });

  it('of 16 bits keeps every character, and half of a pair becomes what is refused', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 20 }),
        fc.integer({ min: 1, max: 5 }),
        (text, chunkBytes) => {
          if (text.startsWith('\ufeff')) return;
          const wide = Buffer.from(text, 'utf16le');
          expect(read(createTranscoder('utf-16le'), wide, chunkBytes).toString()).toBe(text);
          expect(read(createTranscoder('utf-16be'), Buffer.from(wide).swap16(), chunkBytes).toString()).toBe(
            text,
          );
        },
      ),
    );
    const half = Buffer.from([0x61, 0x00, 0x00, 0xd8, 0x62, 0x00]);
    expect([...read(createTranscoder('utf-16le'), half, 1)]).toEqual([0x61, 0xff, 0x62]);
  });
});

describe('a delimiter', () => {
  it.each([
    [';', 'user_id;name;revenue\nu1;Anna;1,50\nu2;Ben;2,75\n'],
    ['\t', 'user_id\tname\nu1\tAnna, B.\n'],
    ['|', 'user_id|name\nu1|a\n'],
    [',', 'user_id,name\nu1,"a;b;c;d"\nu2,x\n'],
    [',', 'user_id\nu1\n'],
    [';', 'sep=;\nuser_id;name\n'],
    [';', 'user_id;text\nu1;"a, b, c"\nu2;"d, e, f"\n'],
    [',', 'user_id,note\nu1,a;b\nu2,c|d|e\n'],
    [';', 'user_id;note\nu1;"two\nlines, with commas"\nu2;x\n'],
  ])('is %j of %j', (delimiter, text) => expect(detectLayout(text, true).delimiter).toBe(delimiter));

  it('and a line end are those of the table, whatever its cells', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', ' ', '"', '.', 'é', '\n'), maxLength: 5 });
    fc.assert(
      fc.property(
        fc.constantFrom(',', ';', '\t', '|'),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 10 }),
        (delimiter, lineEnd, rows) => {
          if (lineEnd === '\r' && rows.flat().some((one) => one.includes('\n'))) return;
          const text = [['user_id', 'a'], ...rows].map((row) => writeRecord(row, delimiter)).join(lineEnd);
          const found = detectLayout(text, true);
          expect(found.delimiter).toBe(delimiter);
          expect(found.lineEnd).toBe(lineEnd === '\r' ? '\r' : '\n');
        },
      ),
    );
  });

  it('is found in any text without a fault', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.boolean(), (text, isWhole) => {
        expect(detectLayout(text, isWhole).delimiter).toHaveLength(1);
        expect(typeof isTable({ text, isWhole }, 'user', true)).toBe('boolean');
        expect(['json', 'objects', 'ndjson', undefined]).toContain(detectJson({ text, isWhole }));
      }),
    );
  });
});

describe('JSON', () => {
  it.each([
    ['json', '[{"user_id":"a"}]'],
    ['json', ' \n [ \r\n {"user_id":"a"}'],
    ['json', '[\n  1\n]'],
    ['json', '[ ]\n'],
    ['json', '{"users":[{"user_id":"a"}]}'],
    ['json', '{ "companies" : ['],
    ['json', '{"users":[{"user_id":"a"},]}'],
    ['json', '{\n  "version": 1,\n  "users": [\n    {\n      "user_id": "a"\n    }\n  ]\n}\n'],
    ['objects', '{\n  "user_id": "a"\n}\n{\n  "user_id": "b"\n}\n'],
    ['objects', '{"user_id":"u1"}{"user_id":"u2"}'],
    ['objects', '{"user_id":"u1"} {"user_id":"u2"}\n'],
    ['objects', '{"user_id":"u1"},\n{"user_id":"u2"},\n'],
    ['ndjson', '{"user_id":"a"}\n{"user_id":"b"}\n'],
    ['ndjson', '\n\n{"user_id":"a"}\n'],
    ['ndjson', '{"users":"a"}\n'],
    ['ndjson', '{"user_id":"a","users":[]}\n'],
    ['ndjson', '{\n{"user_id":"a"}\n'],
    ['ndjson', '{"user_id":"u1","metadata":{"score":NaN}}\n{"user_id":"u2"}\n'],
    [undefined, '[1]\n{"user_id":"a"}\n'],
    [undefined, '[]\n{"user_id":"a"}\n'],
    [undefined, 'user_id,name\nu1,Ann\n'],
    [undefined, 'nonsense'],
    [undefined, ''],
  ])('is %s: %j', (format, text) => expect(detectJson({ text, isWhole: true })).toBe(format));
});
