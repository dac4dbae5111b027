/** A workbook (XLSX): which sheets it has, and the one that is wanted as CSV. */
import path from 'node:path/posix';
import type { Entry } from 'yauzl';
import { AppError } from '#errors';
import { broken, tooLarge } from '../faults';
import type { Zip } from '../open-zip';
import { readStyles } from './read-styles';
import { prefixedAttribute, readXml, WORKBOOK } from './read-xml';
import { SharedStrings } from './shared-strings';
import { type CellFaults, sheetToCsv, type WorkbookFacts } from './sheet-to-csv';

/** XML of sheets shrinks to a tenth or a fortieth; beyond this a large part is a bomb. */
const MAX_RATIO = 200;
/** Parts up to this size may shrink as they like. */
const SMALL_BYTES = 16 * 1024 * 1024;
/** How much XML a byte of CSV may take. */
const XML_PER_BYTE = 16;
const MAX_SHEETS = 1_000;
const [SHOWN_SHEETS, SHOWN_CHARACTERS] = [20, 60];

interface Sheet {
  name: string;
  isHidden: boolean;
  part: string;
}

export interface SheetChoice {
  /** Name or number, counted from 1; undefined: the first visible sheet with text. */
  sheet?: string | undefined;
  /** Of the CSV. */
  maxBytes: number;
  /** Is told how many bytes of texts are held, and may throw. */
  hold?: ((bytes: number) => void) | undefined;
}

export interface OpenSheet {
  name: string;
  sheets: string[];
  csv: AsyncIterable<Buffer>;
  /** Complete when the CSV was read to its end. */
  faults: CellFaults;
}

/** Whether an archive is a workbook. */
export function isWorkbook(zip: Zip): boolean {
  return zip.entries.some(({ fileName }) => /^xl\/workbook\d*\.xml$/i.test(fileName));
}

/** @throws AppError invalid_json, invalid_parameter, payload_too_large, and what `hold` throws; `csv` fails likewise */
export async function openSheet(zip: Zip, choice: SheetChoice): Promise<OpenSheet> {
  const parts = new Parts(zip, choice.maxBytes * XML_PER_BYTE);
  const workbook = parts.require(await findWorkbook(parts));
  const relations = await readRelations(parts, workbook.fileName);
  const { sheets, isFrom1904 } = await readWorkbook(parts, workbook, relations);
  if (sheets.length === 0) throw broken(WORKBOOK);
  const wanted = choice.sheet === undefined ? undefined : pick(sheets, choice.sheet);
  const strings = parts.read(relations.find(({ type }) => type === 'sharedStrings')?.part);
  const styles = parts.read(relations.find(({ type }) => type === 'styles')?.part);
  const facts: WorkbookFacts = {
    strings: await SharedStrings.read(strings, choice.hold ?? (() => {})),
    kinds: await readStyles(styles),
    isFrom1904,
  };
  const sheet = wanted ?? (await firstWithText(sheets, parts, facts));
  const faults: CellFaults = { errors: 0, uncalculated: 0 };
  const csv = sheetToCsv(parts.read(sheet.part), facts, faults);
  return { name: sheet.name, sheets: sheets.map(({ name }) => name), csv, faults };
}

/** The parts of a workbook, by names in any case, within limits on what they unpack to. */
class Parts {
  private readonly byName: ReadonlyMap<string, Entry>;

  constructor(
    private readonly zip: Zip,
    private bytesLeft: number,
  ) {
    this.byName = new Map(zip.entries.map((entry) => [entry.fileName.toLowerCase(), entry]));
  }

  find(name: string): Entry | undefined {
    return this.byName.get(name.toLowerCase());
  }

  require(name: string): Entry {
    const entry = this.find(name);
    if (entry === undefined) throw broken(WORKBOOK);
    return entry;
  }

  /** An absent part has only an empty element. */
  async *read(name: string | undefined): AsyncGenerator<Buffer, void> {
    if (name === undefined) {
      yield Buffer.from('<none/>');
      return;
    }
    const entry = this.require(name);
    const { compressedSize, uncompressedSize } = entry;
    if (uncompressedSize > Math.max(SMALL_BYTES, MAX_RATIO * compressedSize))
      throw tooLarge(`A part of the workbook unpacks to more than ${MAX_RATIO} times its size.`);
    for await (const chunk of this.zip.read(entry)) {
      this.bytesLeft -= chunk.length;
      if (this.bytesLeft < 0) throw tooLarge('The workbook unpacks to more than is read of one.');
      yield chunk;
    }
  }
}

interface Relation {
  id: string;
  /** The last part of its address. */
  type: string;
  part: string;
}

/** What a part refers to. */
async function readRelations(parts: Parts, of: string): Promise<Relation[]> {
  const folder = path.dirname(of);
  const name = path.join(folder, '_rels', `${path.basename(of)}.rels`);
  const relations: Relation[] = [];
  if (parts.find(name) === undefined) return relations;
  await readXml(parts.read(name), {
    open: (element, { Id = '', Type = '', Target = '', TargetMode }) => {
      if (element !== 'Relationship' || TargetMode === 'External') return;
      const part = Target.startsWith('/') ? path.normalize(Target.slice(1)) : path.join(folder, Target);
      relations.push({ id: Id, type: path.basename(Type), part });
    },
  });
  return relations;
}

async function findWorkbook(parts: Parts): Promise<string> {
  const relations = await readRelations(parts, '');
  return relations.find(({ type }) => type === 'officeDocument')?.part ?? 'xl/workbook.xml';
}

async function readWorkbook(
  parts: Parts,
  { fileName }: Entry,
  relations: readonly Relation[],
): Promise<{ sheets: Sheet[]; isFrom1904: boolean }> {
  const partsById = new Map(
    relations.filter(({ type }) => type === 'worksheet').map(({ id, part }) => [id, part]),
  );
  const sheets: Sheet[] = [];
  let isFrom1904 = false;
  await readXml(parts.read(fileName), {
    open: (element, attributes) => {
      if (element === 'workbookPr') isFrom1904 = ['1', 'true'].includes(attributes.date1904 ?? '');
      if (element !== 'sheet' || sheets.length === MAX_SHEETS) return;
      // Not of a chart.
      const part = partsById.get(prefixedAttribute(attributes, 'id') ?? '');
      if (part === undefined) return;
      const { name = '', state = 'visible' } = attributes;
      sheets.push({ name, isHidden: state !== 'visible', part });
    },
  });
  return { sheets, isFrom1904 };
}

/** Names go before numbers; programs do not tell upper from lower case in them. */
function pick(sheets: readonly Sheet[], choice: string): Sheet {
  const same = (name: string) => name.normalize().toLowerCase() === choice.normalize().toLowerCase();
  const sheet =
    sheets.find(({ name }) => name === choice) ??
    sheets.find(({ name }) => same(name)) ??
    (/^\d{1,4}$/.test(choice) ? sheets[Number(choice) - 1] : undefined);
  if (sheet !== undefined) return sheet;
  const names = sheets.slice(0, SHOWN_SHEETS).map(({ name }) => `"${name.slice(0, SHOWN_CHARACTERS)}"`);
  const more = sheets.length > SHOWN_SHEETS ? ` and ${sheets.length - SHOWN_SHEETS} more` : '';
  throw new AppError('invalid_parameter', {
    details: `The workbook has no such sheet. Its sheets are ${names.join(', ')}${more}.`,
  });
}

async function firstWithText(sheets: readonly Sheet[], parts: Parts, facts: WorkbookFacts): Promise<Sheet> {
  const visible = sheets.filter(({ isHidden }) => !isHidden);
  const candidates = visible.length > 0 ? visible : sheets;
  const [first, ...others] = candidates;
  if (first === undefined) throw broken(WORKBOOK);
  if (others.length === 0) return first;
  for (const sheet of candidates) {
    if (await hasText(sheetToCsv(parts.read(sheet.part), facts))) return sheet;
  }
  return first;
}

async function hasText(csv: AsyncIterable<Buffer>): Promise<boolean> {
  for await (const chunk of csv) {
    if (chunk.some((byte) => byte !== 0x0a)) return true;
  }
  return false;
}
