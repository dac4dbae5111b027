import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { HEAD_BYTES, recognize } from './recognize';

const ROWS = '{"user_id":"a"}\n{"user_id":"b"}\n';
const latin1 = (text: string) => Buffer.from(text, 'latin1');
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
    ['an old Excel workbook', latin1('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'), /XLS.*password.*XLSX/],
    ['Parquet', latin1('PAR1\x15\0'), /Parquet/],
    ['a PDF', latin1('%PDF-1.7\n'), /PDF/],
    ['a picture', latin1('\x89PNG\r\n\x1a\n'), /image/],
    ['UTF-32', utf32le(`\ufeff${ROWS}`), /UTF-32/],
    ['other bytes', Buffer.from(Array.from({ length: 600 }, (_, n) => n % 32)), /binary/],
  ])('%s', (_, bytes, sentence) => {
    const found = recognize(bytes.subarray(0, HEAD_BYTES));
    expect(`${found?.name}. ${found?.advice}`).toMatch(sentence);
  });
});

describe('takes for text, of which a line may be broken,', () => {
  it.each([
    '',
    ROWS,
    '\xef\xbb\xbf{"user_id":"a"}\n',
    'user_id,name\nu1,Ann\n',
    '\xff\xfe{"user_id":"a"}\n',
    '\0\0\0\0\n{"user_id":"a"}\n',
    'nonsense',
    '\0',
  ])('%j', (text) => expect(recognize(latin1(text))).toBeUndefined());
});
