/** Large workbooks (XLSX), written as they are made: nothing of them is held in memory. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';

/** Where the texts are: in their cells, or in a part of their own that comes behind the sheet. */
export type TextsOf = 'cells' | 'workbook';

const MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"';
const RELATION = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const PIECE_CHARACTERS = 64 * 1024;
const DATE_STYLE = 1;

/** Writes one of so many rows: id, e-mail, a date with its time, two numbers, a boolean, and a text that hardly shrinks. */
export async function makeWorkbook(file: string, rows: number, texts: TextsOf): Promise<void> {
  const zip = new ZipFile();
  const add = (name: string, content: string) => zip.addBuffer(Buffer.from(content), name);
  const stream = (name: string, content: Iterable<string>) =>
    zip.addReadStream(Readable.from(inPieces(content), { objectMode: false }), name);
  const relation = (id: string, type: string, target: string) =>
    `<Relationship Id="${id}" Type="${RELATION}/${type}" Target="${target}"/>`;
  add('[Content_Types].xml', '<Types/>');
  add('_rels/.rels', `<Relationships>${relation('a', 'officeDocument', 'xl/workbook.xml')}</Relationships>`);
  const sheet = '<sheet name="Users" sheetId="1" r:id="a"/>';
  add('xl/workbook.xml', `<workbook ${MAIN} xmlns:r="${RELATION}"><sheets>${sheet}</sheets></workbook>`);
  const parts = [
    relation('a', 'worksheet', 'worksheets/sheet1.xml'),
    relation('b', 'sharedStrings', 'sharedStrings.xml'),
    relation('c', 'styles', 'styles.xml'),
  ];
  add('xl/_rels/workbook.xml.rels', `<Relationships>${parts.join('')}</Relationships>`);
  const formats = '<xf numFmtId="0"/><xf numFmtId="22"/>';
  add('xl/styles.xml', `<styleSheet ${MAIN}><cellXfs>${formats}</cellXfs></styleSheet>`);
  stream('xl/worksheets/sheet1.xml', sheetXml(rows, texts));
  if (texts === 'workbook') stream('xl/sharedStrings.xml', stringsXml(rows));
  else add('xl/sharedStrings.xml', `<sst ${MAIN}/>`);
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(file));
}

function* sheetXml(rows: number, texts: TextsOf): Generator<string> {
  yield `<?xml version="1.0" encoding="UTF-8"?><worksheet ${MAIN}><sheetData>`;
  for (let row = 1; row <= rows; row++) {
    const cells = textsOf(row).map((text, n) => {
      const reference = `${'ABC'[n]}${row}`;
      return texts === 'cells'
        ? `<c r="${reference}" t="inlineStr"><is><t>${text}</t></is></c>`
        : `<c r="${reference}" t="s"><v>${3 * (row - 1) + n}</v></c>`;
    });
    const date = 40_000 + ((row * 7.123_456_7) % 6_000);
    yield `<row r="${row}" spans="1:7">${cells.join('')}<c r="D${row}" s="${DATE_STYLE}"><v>${date}</v></c>` +
      `<c r="E${row}"><v>${row / 7}</v></c><c r="F${row}"><v>${row * 1_301}</v></c>` +
      `<c r="G${row}" t="b"><v>${row % 2}</v></c></row>`;
  }
  yield '</sheetData></worksheet>';
}

function* stringsXml(rows: number): Generator<string> {
  yield `<sst ${MAIN}>`;
  for (let row = 1; row <= rows; row++) {
    for (const text of textsOf(row)) yield `<si><t>${text}</t></si>`;
  }
  yield '</sst>';
}

/** Of the header, or of a row. */
function textsOf(row: number): [id: string, email: string, token: string] {
  if (row === 1) return ['user_id', 'email', 'token'];
  const token = createHash('sha256').update(String(row)).digest('base64');
  return [`user-${row}`, `person.${token.slice(0, 8).toLowerCase()}@example.com`, token];
}

function* inPieces(content: Iterable<string>): Generator<string> {
  let piece = '';
  for (const part of content) {
    piece += part;
    if (piece.length < PIECE_CHARACTERS) continue;
    yield piece;
    piece = '';
  }
  yield piece;
}
