/**
 * A sheet as CSV: UTF-8, commas, quotes where they are needed, \n. The nth record is the nth row of the sheet; rows without
 * anything are empty lines. Rows have at least as many cells as the first one with text, the header.
 */
import { broken } from '../faults';
import type { NumberKind } from './read-styles';
import { WORKBOOK, XmlReader } from './read-xml';
import { RichText, unescapeText } from './rich-text';
import type { SharedStrings } from './shared-strings';
import { writeNumber } from './write-number';

/** What all sheets of a workbook share. */
export interface WorkbookFacts {
  strings: SharedStrings;
  /** By a cell's style. */
  kinds: readonly NumberKind[];
  isFrom1904: boolean;
}

/** Cells that have no value to be read, and are empty in the CSV. Counted as the sheet is read. */
export interface CellFaults {
  /** Such as #N/A. */
  errors: number;
  /** Formulas whose value the program that wrote the file did not save. */
  uncalculated: number;
}

/** The sizes of a sheet in every program. */
const [MAX_ROWS, MAX_COLUMNS] = [1_048_576, 16_384];
const CHUNK_CHARACTERS = 64 * 1024;

/** @throws AppError invalid_json, payload_too_large, and what reading the part throws */
export async function* sheetToCsv(
  part: AsyncIterable<Buffer>,
  facts: WorkbookFacts,
  faults: CellFaults = { errors: 0, uncalculated: 0 },
): AsyncGenerator<Buffer, void> {
  const rows = new SheetReader(facts, faults);
  const reader = new XmlReader(rows);
  let isBegun = false;
  for await (const chunk of part) {
    reader.push(chunk);
    // The header goes out as soon as it is there: it says what the file is.
    if (rows.csv.length < CHUNK_CHARACTERS && (isBegun || !rows.hasHeader)) continue;
    isBegun = true;
    yield rows.take();
  }
  reader.end();
  if (rows.csv !== '') yield rows.take();
}

class SheetReader {
  csv = '';
  private isInData = false;
  private headerWidth = 0;
  private row = 0;
  private cells: (string | undefined)[] = [];
  private column = -1;
  private type = '';
  private style = 0;
  private value: string | undefined;
  private isInValue = false;
  private isFormula = false;
  private isInline = false;
  private readonly inline = new RichText();

  constructor(
    private readonly facts: WorkbookFacts,
    private readonly faults: CellFaults,
  ) {}

  get hasHeader(): boolean {
    return this.headerWidth > 0;
  }

  take(): Buffer {
    const bytes = Buffer.from(this.csv);
    this.csv = '';
    return bytes;
  }

  open(name: string, attributes: Record<string, string>): void {
    if (!this.isInData) {
      this.isInData = name === 'sheetData';
      return;
    }
    if (this.isInline) this.inline.open(name);
    else if (name === 'c') this.openCell(attributes);
    else if (name === 'v') {
      this.isInValue = true;
      this.value = '';
    } else if (name === 'row') this.openRow(attributes);
    else if (name === 'f') this.isFormula = true;
    else if (name === 'is') {
      this.isInline = true;
      this.inline.begin();
    }
  }

  text(text: string): void {
    if (this.isInValue) this.value += text;
    else if (this.isInline) this.inline.add(text);
  }

  close(name: string): void {
    if (!this.isInData) return;
    if (name === 'v') this.isInValue = false;
    else if (name === 'c') this.closeCell();
    else if (name === 'row') this.closeRow();
    else if (name === 'is') {
      this.isInline = false;
      this.value = this.inline.take();
    } else if (name === 'sheetData') this.isInData = false;
    else if (this.isInline) this.inline.close(name);
  }

  private openRow({ r }: Record<string, string>): void {
    const row = r === undefined ? this.row + 1 : Number(r);
    if (!(row > this.row && row <= MAX_ROWS)) throw broken(WORKBOOK);
    this.csv += '\n'.repeat(row - this.row - 1);
    this.row = row;
    this.cells = [];
    this.column = -1;
  }

  private openCell({ r, t, s }: Record<string, string>): void {
    this.column = r === undefined ? this.column + 1 : columnOf(r);
    if (!(this.column >= 0 && this.column < MAX_COLUMNS)) throw broken(WORKBOOK);
    this.type = t ?? 'n';
    this.style = s === undefined ? 0 : Number(s);
    this.value = undefined;
    this.isFormula = false;
  }

  private closeCell(): void {
    // Only a text that was calculated can be nothing.
    if (this.isFormula && !this.value && this.type !== 'str') this.faults.uncalculated++;
    if (this.value === undefined) return;
    const text = this.textOf(this.value);
    if (text !== '') this.cells[this.column] = text;
  }

  private textOf(value: string): string {
    const { strings, kinds, isFrom1904 } = this.facts;
    switch (this.type) {
      case 's':
        return value === '' ? '' : strings.get(Number(value));
      case 'inlineStr':
      case 'd':
        return value;
      case 'str':
        return unescapeText(value);
      case 'b':
        return value === '1' || value === 'true' ? 'true' : 'false';
      case 'e':
        this.faults.errors++;
        return '';
      default:
        return writeNumber(value, kinds[this.style] ?? 'number', isFrom1904);
    }
  }

  private closeRow(): void {
    const { cells } = this;
    if (!this.hasHeader && cells.some((cell) => cell !== undefined && cell.trim() !== ''))
      this.headerWidth = cells.length;
    else if (!this.hasHeader) cells.length = 0;
    if (cells.length > 0) {
      cells.length = Math.max(cells.length, this.headerWidth);
      for (let column = 0; column < cells.length; column++) {
        const cell = cells[column];
        if (column > 0) this.csv += ',';
        if (cell !== undefined) this.csv += quoted(cell);
      }
    }
    this.csv += '\n';
  }
}

/** Also what would be taken for something else at the beginning of a file. */
function quoted(cell: string): string {
  return /[",\r\n]|^(?:\ufeff|sep=|[[{])/i.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

/** @param reference such as AB12 @returns -1 for what is none */
function columnOf(reference: string): number {
  let column = 0;
  for (let at = 0; at < reference.length; at++) {
    const code = reference.charCodeAt(at);
    if (code < 65 || code > 90) break;
    column = column * 26 + code - 64;
    if (column > MAX_COLUMNS) break;
  }
  return column - 1;
}
