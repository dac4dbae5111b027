/** Workbooks (XLSX) for tests, by hand: as small as they may be, and wrong where a test wants it. */
import { zipOf } from './zip';

export interface WorkbookParts {
  /** By name, or in their order: the XML within `sheetData`. */
  sheets: Record<string, string> | [name: string, xml: string][];
  /** States of sheets that are not visible. */
  states?: Record<string, 'hidden' | 'veryHidden'>;
  /** The XML of each shared string. */
  strings?: string[];
  /** Number formats by id. */
  formats?: Record<number, string>;
  /** The number format of each style. */
  styles?: number[];
  date1904?: boolean;
  /** Parts that are added, or stand in place of others. */
  parts?: Record<string, string | Buffer>;
}

const MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"';
const RELATION = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';

/** The bytes of a workbook. */
export function workbookOf({
  sheets,
  states = {},
  strings = [],
  formats = {},
  styles = [0],
  date1904 = false,
  parts = {},
}: WorkbookParts): Promise<Buffer> {
  const all = Array.isArray(sheets) ? sheets : Object.entries(sheets);
  const relation = (id: string, type: string, target: string) =>
    `<Relationship Id="${id}" Type="${RELATION}/${type}" Target="${target}"/>`;
  const relations = (...each: string[]) =>
    `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">${each.join('')}</Relationships>`;
  const sheetParts = all.map(([, xml], n): [string, string] => [
    `xl/worksheets/sheet${n + 1}.xml`,
    `<?xml version="1.0" encoding="UTF-8"?><worksheet ${MAIN}><sheetData>${xml}</sheetData></worksheet>`,
  ]);
  const listed = all.map(
    ([name], n) =>
      `<sheet name="${name}" sheetId="${n + 1}" r:id="rId${n + 1}"${states[name] ? ` state="${states[name]}"` : ''}/>`,
  );
  const formatted = Object.entries(formats).map(
    ([id, code]) => `<numFmt numFmtId="${id}" formatCode="${code.replaceAll('"', '&quot;')}"/>`,
  );
  return zipOf({
    '[Content_Types].xml': '<Types/>',
    '_rels/.rels': relations(relation('rId1', 'officeDocument', 'xl/workbook.xml')),
    'xl/workbook.xml': `<workbook ${MAIN} xmlns:r="${RELATION}"><workbookPr${date1904 ? ' date1904="1"' : ''}/><sheets>${listed.join('')}</sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': relations(
      ...all.map((_, n) => relation(`rId${n + 1}`, 'worksheet', `worksheets/sheet${n + 1}.xml`)),
      relation('rId900', 'sharedStrings', 'sharedStrings.xml'),
      relation('rId901', 'styles', '/xl/styles.xml'),
    ),
    'xl/sharedStrings.xml': `<sst ${MAIN}>${strings.map((xml) => `<si>${xml}</si>`).join('')}</sst>`,
    'xl/styles.xml': `<styleSheet ${MAIN}><numFmts>${formatted.join('')}</numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs>${styles.map((id) => `<xf numFmtId="${id}"/>`).join('')}</cellXfs></styleSheet>`,
    ...Object.fromEntries(sheetParts),
    ...parts,
  });
}

/** A row of text cells. */
export function textRow(row: number, ...cells: string[]): string {
  return `<row r="${row}">${cells.map((text) => `<c t="inlineStr"><is><t>${text}</t></is></c>`).join('')}</row>`;
}
