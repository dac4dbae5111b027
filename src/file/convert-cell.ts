/** Cells of a table as values, where nothing is lost by it. What does not fit stays the text that it is. */
import type { CellType, Mapping } from '#job/reading';

/** How values are written in the file. */
export type CellFormat = Pick<
  Mapping,
  'null_values' | 'true_values' | 'false_values' | 'decimal' | 'date_format'
>;

export interface CellConverter {
  /** Types that cells may turn out to have, the narrowest first. */
  readonly inferable: readonly Exclude<CellType, 'string'>[];
  /** Whether the cell counts as empty. */
  isNull(cell: string): boolean;
  /** JSON text of the value; undefined when the cell does not have the type. */
  convert(cell: string, type: Exclude<CellType, 'string'>): string | undefined;
}

/** The narrowest type that all cells of a column have which are not empty; `string` when all are empty. */
export class TypeInference {
  private candidates: Exclude<CellType, 'string'>[];
  private isEmpty = true;

  constructor(private readonly converter: CellConverter) {
    this.candidates = [...converter.inferable];
  }

  get type(): CellType {
    return this.isEmpty ? 'string' : (this.candidates[0] ?? 'string');
  }

  add(cell: string): void {
    if (this.candidates.length === 0 || this.converter.isNull(cell)) return;
    this.isEmpty = false;
    this.candidates = this.candidates.filter((type) => this.converter.convert(cell, type) !== undefined);
  }
}

/** Only what reads back as it was written: `007`, `1e3`, `+1`, `.5` and 20-digit numbers stay strings. */
const NUMBER = /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,10})?$/;
/** Numbers with a decimal sign that was asked for; the other one may stand between groups of three digits. */
const GROUPED = {
  '.': /^-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?$/,
  ',': /^-?(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?$/,
};

/** @throws RangeError for a date format that there is not */
export function createCellConverter(format: CellFormat = {}): CellConverter {
  const nulls = new Set(format.null_values);
  const booleans = new Map<string, string>([
    ['true', 'true'],
    ['false', 'false'],
    ...(format.true_values ?? []).map((word): [string, string] => [word, 'true']),
    ...(format.false_values ?? []).map((word): [string, string] => [word, 'false']),
  ]);
  const readDate = format.date_format === undefined ? undefined : createDateReader(format.date_format);
  const isNull = (cell: string) => cell === '' || nulls.has(cell);
  const convert = (cell: string, type: Exclude<CellType, 'string'>) => {
    if (type === 'boolean') return booleans.get(cell);
    if (type === 'number') return readNumber(cell, format.decimal);
    const date = readDate === undefined ? readIsoDate(cell) : readDate(cell);
    return date && JSON.stringify(date);
  };
  return {
    inferable: readDate === undefined ? ['boolean', 'number'] : ['boolean', 'number', 'date'],
    isNull,
    convert,
  };
}

function readNumber(cell: string, decimal: '.' | ',' | undefined): string | undefined {
  if (decimal === undefined) return NUMBER.test(cell) ? cell : undefined;
  if (!GROUPED[decimal].test(cell)) return undefined;
  const plain = decimal === ',' ? cell.replaceAll('.', '').replace(',', '.') : cell.replaceAll(',', '');
  return NUMBER.test(plain) ? plain : undefined;
}

const ISO_DATE = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?$/;

function readIsoDate(cell: string): string | undefined {
  return ISO_DATE.test(cell) ? cell : undefined;
}

/** What the letters of a date format stand for, as in Unicode's date format patterns. */
const FIELDS: Readonly<
  Record<string, [part: 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second', pattern: string]>
> = {
  yyyy: ['year', '\\d{4}'],
  yy: ['year', '\\d{2}'],
  MM: ['month', '\\d{2}'],
  M: ['month', '\\d{1,2}'],
  dd: ['day', '\\d{2}'],
  d: ['day', '\\d{1,2}'],
  HH: ['hour', '\\d{2}'],
  H: ['hour', '\\d{1,2}'],
  mm: ['minute', '\\d{2}'],
  m: ['minute', '\\d{1,2}'],
  ss: ['second', '\\d{2}'],
  s: ['second', '\\d{1,2}'],
};

/** Reads dates that are written so, as ISO 8601. Two digits of a year are of this century. */
function createDateReader(format: string): (cell: string) => string | undefined {
  const parts: string[] = [];
  const pattern = format.replaceAll(/([a-zA-Z])\1*|[^a-zA-Z]/g, (token) => {
    if (!/^[a-zA-Z]/.test(token)) return token.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
    const field = FIELDS[token];
    if (field === undefined) throw new RangeError(token);
    parts.push(field[0]);
    return `(${field[1]})`;
  });
  const matcher = new RegExp(`^${pattern}$`);
  if (!['year', 'month', 'day'].every((part) => parts.includes(part))) throw new RangeError(format);
  return (cell) => {
    const found = matcher.exec(cell);
    if (found === null) return undefined;
    const numberOf = (part: string) => (parts.includes(part) ? Number(found[parts.indexOf(part) + 1]) : 0);
    const year = numberOf('year') + (format.includes('yyyy') ? 0 : 2000);
    const [month, day, hour, minute, second] = ['month', 'day', 'hour', 'minute', 'second'].map(numberOf) as [
      number,
      number,
      number,
      number,
      number,
    ];
    const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
    const isReal =
      date.getUTCMonth() === month - 1 &&
      date.getUTCDate() === day &&
      date.getUTCHours() === hour &&
      date.getUTCMinutes() === minute &&
      date.getUTCSeconds() === second;
    if (!isReal || year < 1000) return undefined;
    return date.toISOString().slice(0, parts.includes('hour') ? 19 : 10);
  };
}
