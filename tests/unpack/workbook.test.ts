/** What becomes of the cells of a workbook. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { AppError } from '#errors';
import { type Found, unpack } from '#unpack/unpack';
import { countSpoolFiles } from '../support/spool-files';
import { textRow, type WorkbookParts, workbookOf } from '../support/workbook';
import { zipOf } from '../support/zip';

const MAX_BYTES = 50 * 1024 * 1024;

async function read(bytes: Buffer, sheet?: string, maxBytes = MAX_BYTES): Promise<Found & { csv: string }> {
  const pieces = Array.from({ length: Math.ceil(bytes.length / 10_000) }, (_, n) =>
    bytes.subarray(n * 10_000, (n + 1) * 10_000),
  );
  const { body, dispose, ...found } = await unpack(Readable.from(pieces, { objectMode: false }), {
    maxBytes,
    sheet,
  });
  try {
    return { csv: await text(body), ...found };
  } finally {
    await dispose();
  }
}

async function refusalOf(bytes: Buffer, sheet?: string): Promise<string> {
  const error = await read(bytes, sheet).catch((thrown: unknown) => thrown);
  if (!(error instanceof AppError)) throw error;
  expect(countSpoolFiles()).toBe(0);
  return `${error.code}: ${error.details}`;
}

const HEADER = textRow(1, 'user_id', 'value');

/** The second cell of the second row. */
async function cellOf(xml: string, parts: Partial<WorkbookParts> = {}): Promise<string> {
  const row = `<row r="2"><c r="A2" t="inlineStr"><is><t>u</t></is></c>${xml}</row>`;
  const { csv } = await read(await workbookOf({ sheets: { S: HEADER + row }, ...parts }));
  expect(csv.startsWith('user_id,value\nu,')).toBe(true);
  return csv.slice('user_id,value\nu,'.length, -1);
}

const fixture = (name: string) => readFileSync(`${__dirname}/../fixtures/spreadsheets/${name}`);

describe('workbooks of other programs are read as people see them:', () => {
  it('a CSV that LibreOffice saved as XLSX', async () => {
    expect(await read(fixture('people.xlsx'))).toEqual({
      container: 'xlsx',
      name: 'people',
      sheets: ['people'],
      faults: { errors: 0, uncalculated: 0 },
      csv: [
        'user_id,name,zip,signed_up,last_seen,seats,price,active,note',
        'p-001,Zoë Müller,01067,2026-01-31,2026-01-31T10:00:00,7,0.1,true,"two\nlines, and ""quotes"""',
        'p-002,李雷,10115,1999-12-31,1999-12-31T23:59:59,1000,1234567.891,false,semi;colon',
        '',
        "p-003,O'Neil,00501,2024-02-29,2024-02-29T00:00:00,42,-0.3,,",
        '',
      ].join('\n'),
    });
  });

  it('one of LibreOffice with hidden sheets and rows, formulas, errors, merged cells, dates and times', async () => {
    expect(await read(fixture('workbook.xlsx'))).toEqual({
      container: 'xlsx',
      name: 'Users & more',
      sheets: ['Cover', 'Hidden', 'Users & more'],
      faults: { errors: 1, uncalculated: 0 },
      csv: [
        '',
        '',
        'user_id,born,seen,at,spent,share,trial,active,sum,label,broken,big',
        'r-1,1969-07-20,2026-01-31T10:00:00,18:30:15,36:15:00,0.07,14,1,14.07,a14,,10000000000',
        '',
        '',
        '',
        'r-2,merged,,,,,,0,," <b> & ""q"", x ",,0.000000125',
        '',
      ].join('\n'),
    });
  });

  it.each([
    // It leaves formulas to be calculated by others.
    ['openpyxl.xlsx', '', 2],
    // It says 0 for all of them.
    ['xlsxwriter.xlsx', '0', 0],
  ])('%s', async (name, total, uncalculated) => {
    const { csv, faults } = await read(fixture(name));
    expect(csv).toBe(
      [
        'user_id,name,zip,born,seen,at,spent,active,score,total',
        `w-1,Zoë,00123,1969-07-20,2026-01-31T10:00:00,18:30:00,26:00:00,true,0.3,${total}`,
        `w-2, =1+1 ,9007199254740993,,2026-01-31T23:59:59.500,,,false,-12.5,${total}`,
        '',
      ].join('\n'),
    );
    expect(faults).toEqual({ errors: 0, uncalculated });
  });
});

describe('a text is kept:', () => {
  it.each([
    ['with leading zeros', '<c t="inlineStr"><is><t>007</t></is></c>', '007'],
    ['in runs', '<c t="s"><v>0</v></c>', 'bold and not'],
    ['without what says how to pronounce it', '<c t="s"><v>1</v></c>', '東京'],
    ['with a comma and quotes', '<c t="s"><v>2</v></c>', '"a, ""b"""'],
    ['with escaped line breaks', '<c t="s"><v>3</v></c>', '"a\r\nb"'],
    ['with an escape that is escaped', '<c t="s"><v>4</v></c>', 'a_x000D_b'],
    ['with half a character as it is written', '<c t="s"><v>5</v></c>', '_xD800_'],
    ['in CDATA', '<c t="s"><v>6</v></c>', 'a<b'],
    ['of a formula', '<c t="str"><f>1</f><v>x_x0041_</v></c>', 'xA'],
    ['that is nothing', '<c t="s"><v>7</v></c>', ''],
  ])('%s', async (_, xml, expected) => {
    const strings = [
      '<r><t>bold</t></r><r><rPr><b/></rPr><t xml:space="preserve"> and not</t></r>',
      '<t>東京</t><rPh sb="0" eb="2"><t>トウキョウ</t></rPh>',
      '<t>a, "b"</t>',
      '<t>a_x000D_\nb</t>',
      '<t>a_x005F_x000D_b</t>',
      '<t>_xD800_</t>',
      '<t><![CDATA[a<b]]></t>',
      '<t/>',
    ];
    expect(await cellOf(xml, { strings })).toBe(expected);
  });
});

describe('a number has the digits that mean it, and no exponent:', () => {
  it.each([
    ['42', '42'],
    ['42.0', '42'],
    ['-0', '0'],
    ['1.0E10', '10000000000'],
    ['1.5E+25', '15000000000000000000000000'],
    ['9007199254740993', '9007199254740993'],
    ['1.1000000000000001', '1.1'],
    ['0.30000000000000004', '0.30000000000000004'],
    ['2.9999999999999999E-2', '0.03'],
    ['-1.25E-07', '-0.000000125'],
    ['4.9E-324', `0.${'0'.repeat(323)}5`],
  ])('%s is %s', async (stored, expected) => {
    expect(await cellOf(`<c><v>${stored}</v></c>`)).toBe(expected);
  });
});

describe('a date is ISO 8601, by the format of its cell:', () => {
  it.each<[string, number | string, string]>([
    ['46053', 14, '2026-01-31'],
    ['46053.4166666667', 14, '2026-01-31T10:00:00'],
    ['46053', 22, '2026-01-31T00:00:00'],
    ['46053.999988425923', 22, '2026-01-31T23:59:59'],
    ['46053.9999999999', 22, '2026-02-01T00:00:00'],
    ['46053.4166724537', 22, '2026-01-31T10:00:00.500'],
    ['0.75', 20, '18:00:00'],
    ['46053.75', 20, '2026-01-31T18:00:00'],
    ['0.75', 14, '18:00:00'],
    ['1.5', 46, '36:00:00'],
    ['1', 14, '1900-01-01'],
    ['59', 14, '1900-02-28'],
    ['60', 14, '60'],
    ['61', 14, '1900-03-01'],
    ['-1', 14, '-1'],
    ['2958465', 14, '9999-12-31'],
    ['2958466', 14, '2958466'],
    ['46053', 164, '2026-01-31'],
    ['46053', 'dd.mm.yyyy', '2026-01-31'],
    ['46053', '[$-409]d-mmm-yy;@', '2026-01-31'],
    ['46053.5', 'm/d/yyyy\\ h:mm AM/PM', '2026-01-31T12:00:00'],
    ['46053', 'mmmm', '2026-01-31'],
    ['0.5', 'mm:ss.0', '12:00:00'],
    ['1.25', '[h]:mm', '30:00:00'],
    ['46053', 'yyyy"年"m"月"d"日"', '2026-01-31'],
    ['14', '0 "days"', '14'],
    ['14', '0\\d', '14'],
    ['14', '[Red]0.00;[Blue]-0.00', '14'],
    ['14', '#,##0.00 [$USD]', '14'],
    ['14', '0.00E+00', '14'],
    ['14', 'General', '14'],
    ['14', '@', '14'],
  ])('%s as %s is %s', async (stored, format, expected) => {
    const [id, formats] =
      typeof format === 'number' ? [format, { 164: 'yyyy-mm-dd' }] : [200, { 200: format }];
    const parts: Partial<WorkbookParts> = { styles: [0, id], formats };
    expect(await cellOf(`<c s="1"><v>${stored}</v></c>`, parts)).toBe(expected);
  });

  it('from 1904 on where the workbook counts so', async () => {
    const parts = { styles: [0, 14], date1904: true };
    expect(await cellOf('<c s="1"><v>44591</v></c>', parts)).toBe('2026-01-31');
    expect(await cellOf('<c s="1"><v>0</v></c>', parts)).toBe('1904-01-01');
  });

  it('as it stands where it is stored so', async () => {
    expect(await cellOf('<c t="d"><v>2026-01-31T10:00:00</v></c>')).toBe('2026-01-31T10:00:00');
  });
});

describe('other cells:', () => {
  it.each([
    ['true is true', '<c t="b"><v>1</v></c>', 'true'],
    ['false is false', '<c t="b"><v>0</v></c>', 'false'],
    ['a formula is its value', '<c><f>1+1</f><v>2</v></c>', '2'],
    ['an error is empty', '<c t="e"><v>#N/A</v></c>', ''],
    ['a formula that was not calculated is empty', '<c><f>1+1</f></c>', ''],
    ['one that only looks like something is empty', '<c s="0"/>', ''],
  ])('%s', async (_, xml, expected) => {
    expect(await cellOf(xml)).toBe(expected);
  });

  it('those that are empty because they had no value are counted', async () => {
    const rows = `${HEADER}<row><c t="e"><v>#N/A</v></c><c><f>1</f></c></row><row><c t="e"><v>#REF!</v></c></row>`;
    const { faults } = await read(await workbookOf({ sheets: { S: rows } }));
    expect(faults).toEqual({ errors: 2, uncalculated: 1 });
  });
});

describe('the nth record is the nth row:', () => {
  const csvOf = async (rows: string) => (await read(await workbookOf({ sheets: { S: rows } }))).csv;
  it.each([
    ['rows that are missing', `${textRow(3, 'user_id')}${textRow(6, 'a')}`, '\n\nuser_id\n\n\na\n'],
    [
      'rows that are blank',
      `${textRow(1, ' ')}${textRow(2, 'user_id', 'x')}<row r="3"><c/></row>${textRow(4, 'a')}`,
      '\nuser_id,x\n\na,\n',
    ],
    [
      'rows and cells without numbers',
      '<row><c><v>1</v></c><c><v>2</v></c></row><row><c/><c><v>3</v></c></row>',
      '1,2\n,3\n',
    ],
    [
      'cells in any order',
      `${textRow(1, 'a', 'b', 'c')}<row r="2"><c r="C2"><v>3</v></c><c r="A2"><v>1</v></c></row>`,
      'a,b,c\n1,,3\n',
    ],
    [
      'cells beyond the header',
      `${textRow(1, 'a')}<row r="2"><c r="AA2"><v>1</v></c></row>`,
      `a\n${','.repeat(26)}1\n`,
    ],
    ['a header that looks like something else', textRow(1, 'sep=;', '[x'), '"sep=;","[x"\n'],
  ])('%s', async (_, rows, expected) => {
    expect(await csvOf(rows)).toBe(expected);
  });

  it('with names that have prefixes, in UTF-16, and parts at other places', async () => {
    const sheet =
      '<?xml version="1.0"?><x:worksheet xmlns:x="m"><x:sheetData><x:row r="1"><x:c r="A1" t="inlineStr"><x:is><x:t>é</x:t></x:is></x:c></x:row></x:sheetData></x:worksheet>';
    const bytes = await workbookOf({
      sheets: { S: '' },
      parts: { 'xl/worksheets/sheet1.xml': Buffer.from(`\ufeff${sheet}`, 'utf16le') },
    });
    expect((await read(bytes)).csv).toBe('é\n');
  });
});

describe('the sheet', () => {
  const make = () =>
    workbookOf({
      sheets: [
        ['Blank', '<row r="2"><c s="0"/></row>'],
        ['Secret', textRow(1, 'secret')],
        ['First', textRow(1, 'first')],
        ['2', textRow(1, 'two')],
      ],
      states: { Secret: 'hidden' },
    });

  it.each([
    [undefined, 'first'],
    ['First', 'first'],
    ['FIRST', 'first'],
    ['3', 'first'],
    ['2', 'two'],
    ['Secret', 'secret'],
    ['1', ''],
  ])('%s is the one that is meant', async (sheet, expected) => {
    const { csv, sheets } = await read(await make(), sheet);
    expect(csv.trim()).toBe(expected);
    expect(sheets).toEqual(['Blank', 'Secret', 'First', '2']);
  });

  it.each(['Nope', '5', '0'])('%s is refused with the names of those that there are', async (sheet) => {
    expect(await refusalOf(await make(), sheet)).toBe(
      'invalid_parameter: The workbook has no such sheet. Its sheets are "Blank", "Secret", "First", "2".',
    );
  });
});

describe('a workbook that cannot be read is refused:', () => {
  const S = { S: HEADER };
  const part = (name: string, content: string | Buffer) =>
    workbookOf({ sheets: S, parts: { [name]: content } });
  it.each<[string, () => Promise<Buffer>]>([
    ['XML that is cut off', () => part('xl/worksheets/sheet1.xml', '<worksheet><sheetData><row r="1">')],
    ['XML that is none', () => part('xl/workbook.xml', 'hello')],
    [
      'bytes that are no UTF-8',
      () => part('xl/sharedStrings.xml', Buffer.from('<sst>\xff\xfe</sst>', 'latin1')),
    ],
    ['a document type', () => part('xl/worksheets/sheet1.xml', '<!DOCTYPE a [<!ENTITY b "c">]><worksheet/>')],
    ['an entity that nobody knows', () => part('xl/sharedStrings.xml', '<sst><si><t>&lol;</t></si></sst>')],
    ['elements in one another without end', () => part('xl/worksheets/sheet1.xml', '<a>'.repeat(100_000))],
    ['a text that does not exist', () => workbookOf({ sheets: { S: '<row><c t="s"><v>1</v></c></row>' } })],
    ['a row beyond the last one', () => workbookOf({ sheets: { S: textRow(1_048_577, 'x') } })],
    ['rows that go back', () => workbookOf({ sheets: { S: textRow(2, 'x') + textRow(1, 'y') } })],
    [
      'a column beyond the last one',
      () => workbookOf({ sheets: { S: '<row><c r="ZZZZ1"><v>1</v></c></row>' } }),
    ],
    ['no sheet', () => workbookOf({ sheets: {} })],
    [
      'a sheet whose part is missing',
      () =>
        part(
          'xl/_rels/workbook.xml.rels',
          '<Relationships><Relationship Id="rId1" Type="x/worksheet" Target="gone.xml"/></Relationships>',
        ),
    ],
  ])('%s', async (_, make) => {
    expect(await refusalOf(await make())).toBe('invalid_json: The workbook (XLSX) is broken or cut off.');
  });

  it('a spreadsheet of LibreOffice, by its name and with what to do', async () => {
    expect(await refusalOf(fixture('people.ods'))).toMatch(/^invalid_json: This is a spreadsheet.*ODS.*XLSX/);
  });
});

describe('a workbook that unpacks to too much is refused:', () => {
  it.each<[string, () => Promise<Buffer>, RegExp]>([
    [
      'a part of blanks',
      () =>
        workbookOf({
          sheets: { S: HEADER },
          parts: { 'xl/styles.xml': `<styleSheet>${' '.repeat(40_000_000)}</styleSheet>` },
        }),
      /200 times/,
    ],
    [
      'one endless cell',
      () => workbookOf({ sheets: { S: `<row><c t="inlineStr"><is><t>${'x'.repeat(3_000_000)}` } }),
      /larger than 1048576 bytes/,
    ],
    [
      'a cell of endless pieces',
      () => workbookOf({ sheets: { S: `<row><c t="inlineStr"><is>${'<t>xxxxxxxx</t>'.repeat(200_000)}` } }),
      /more than 1048576 characters/,
    ],
    [
      'too many texts',
      () =>
        workbookOf({
          sheets: { S: HEADER },
          strings: Array(2_100).fill(`<t>${longText}</t>`),
        }),
      /larger than 128 MiB/,
    ],
  ])('%s', async (_, make, sentence) => {
    const refusal = await refusalOf(await make());
    expect(refusal).toMatch(/^payload_too_large/);
    expect(refusal).toMatch(sentence);
  });

  it('more XML than the CSV may need', async () => {
    const rows = Array.from({ length: 20_000 }, (_, n) => textRow(n + 1, `${n}`)).join('');
    const bytes = await workbookOf({ sheets: { S: rows } });
    await expect(read(bytes, undefined, 60_000)).rejects.toMatchObject({ code: 'payload_too_large' });
    expect(countSpoolFiles()).toBe(0);
  });

  /** It does not shrink so far that another limit is met. */
  const longText = randomBytes(768).toString('base64').repeat(64);
});

it('who opens a workbook is told how much of it is held in memory, and may refuse that', async () => {
  const strings = Array.from({ length: 20_000 }, (_, n) => `<t>the text ${n} of all these texts</t>`);
  const bytes = await workbookOf({ sheets: { S: HEADER }, strings });
  const refuse = (held: number) => {
    expect(held).toBeGreaterThan(256 * 1024);
    throw new AppError('rate_limited');
  };
  const body = Readable.from([bytes], { objectMode: false });
  await expect(unpack(body, { maxBytes: MAX_BYTES, hold: refuse })).rejects.toThrow(AppError);
  expect(countSpoolFiles()).toBe(0);
});

it('a zip archive with a file that is called as a part of a workbook is none', async () => {
  expect((await read(await zipOf({ 'content.xml': 'user_id\na\n' }))).csv).toBe('user_id\na\n');
});
