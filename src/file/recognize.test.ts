import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { HEAD_BYTES, recognize } from './recognize';

const ROWS = '{"user_id":"a"}\n{"user_id":"b"}\n';
const latin1 = (text: string) => Buffer.from(text, 'latin1');
const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16();
const utf32le = (text: string) =>
  Buffer.concat([...text].map((c) => Buffer.from(new Uint32Array([c.charCodeAt(0)]).buffer)));

describe('names what it is not made for:', () => {
  it.each<[string, Buffer, RegExp]>([
    ['gzip', gzipSync(ROWS), /gzip.*Content-Encoding: gzip/],
    ['Zstandard', latin1('\x28\xb5\x2f\xfd\x24\x00'), /Zstandard/],
    ['bzip2', latin1('BZh91AY&SY'), /bzip2/],
    ['xz', latin1('\xfd7zXZ\0\0'), /xz/],
    ['an Excel workbook', latin1('PK\x03\x04\x14\0\0\0\x08\0\0\0!\0[Content_Types].xml'), /XLSX.*CSV/],
    ['another order of its parts', latin1('PK\x03\x04\x14\0\0\0\x08\0\0\0!\0xl/workbook.xml'), /XLSX.*CSV/],
    [
      'a spreadsheet of LibreOffice',
      latin1('PK\x03\x04mimetypeapplication/vnd.oasis.opendocument.spreadsheet'),
      /ODS/,
    ],
    ['a ZIP archive', latin1('PK\x03\x04\x14\0\0\0users.ndjson'), /ZIP/],
    ['an old Excel workbook', latin1('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'), /XLS/],
    ['Parquet', latin1('PAR1\x15\0'), /Parquet/],
    ['a PDF', latin1('%PDF-1.7\n'), /PDF/],
    ['a picture', latin1('\x89PNG\r\n\x1a\n'), /image/],
    ['UTF-16 with its mark', Buffer.from(`\ufeff${ROWS}`, 'utf16le'), /UTF-16.*UTF-8/],
    ['UTF-16 without', Buffer.from(ROWS, 'utf16le'), /UTF-16/],
    ['UTF-16, big end first', utf16be(`\ufeff${ROWS}`), /UTF-16/],
    ['UTF-16, big end first, without a mark', utf16be('user_id,name\n'), /UTF-16/],
    ['UTF-32', utf32le(`\ufeff${ROWS}`), /UTF-32/],
    ['other bytes', Buffer.from(Array.from({ length: 600 }, (_, n) => n % 32)), /binary/],
  ])('%s', (_, bytes, sentence) => {
    const found = recognize(bytes.subarray(0, HEAD_BYTES));
    expect(found.kind).toBe('foreign');
    expect(found.kind === 'foreign' ? `${found.name}. ${found.advice}` : '').toMatch(sentence);
  });
});

describe('takes as one JSON document', () => {
  it.each([
    '[{"user_id":"a"}]',
    ' \n [ \r\n {"user_id":"a"}',
    '[\n  1\n]',
    '[ ]\n',
    '\xef\xbb\xbf[{"user_id":"a"}]',
    '{"users":[{"user_id":"a"}]}',
    '{ "companies" : [',
    '{\n  "users": [\n    {\n      "user_id": "a"\n    }\n  ]\n}\n',
    '{\r\n\t"user_id": "a"\r\n}',
    '{\n}\n',
  ])('%j', (text) => expect(recognize(latin1(text))).toEqual({ kind: 'document' }));
});

describe('takes as lines, of which one may be broken,', () => {
  it.each([
    '',
    ROWS,
    '\xef\xbb\xbf{"user_id":"a"}\n',
    '\n\n{"user_id":"a"}\n',
    '{"users":"a"}\n',
    '{"user_id":"a","users":[]}\n',
    '[1]\n{"user_id":"a"}\n',
    '[]\n{"user_id":"a"}\n',
    '{\n{"user_id":"a"}\n',
    'user_id,name\nu1,Ann\n',
    '\xff\xfe{"user_id":"a"}\n',
    '\0\0\0\0\n{"user_id":"a"}\n',
    'nonsense',
    '\0',
  ])('%j', (text) => expect(recognize(latin1(text))).toEqual({ kind: 'lines' }));
});
