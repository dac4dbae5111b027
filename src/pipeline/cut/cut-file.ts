/**
 * A cutter for whatever rows come in: it looks at the beginning of a body, says what it is whatever it is called, and cuts
 * it as that. What is no text of ours is refused with the name of what it is, before anything is accepted.
 * Invariant: the rows depend on the bytes of the body alone, not on how they were cut into chunks.
 */
import { AppError } from '#errors';
import { DELIMITER_NAMES, detectLayout, type Layout } from '#file/detect-delimiter';
import { detectWide, UTF_8 } from '#file/detect-encoding';
import { detectJson, isTable, type TextFormat } from '#file/detect-format';
import type { ColumnValues } from '#file/find-id-column';
import { nameColumns } from '#file/name-columns';
import { HEAD_BYTES as RECOGNIZED_BYTES, recognize } from '#file/recognize';
import { writeRecord } from '#file/split-record';
import { createDetectingTranscoder, createTranscoder, type Transcoder } from '#file/to-utf8';
import { ENTITIES, type Entity } from '#job/entity';
import type { FileWarning } from '#job/observations';
import type { Mapping, Reading } from '#job/reading';
import { splitHeader } from '../create-row-reader';
import { MappingError, placeMapping, planColumns, requireOwnKeys } from '../map-columns';
import { createCsvCutter } from './csv';
import { createJsonArrayCutter } from './json-array';
import { createNdjsonCutter } from './ndjson';
import { createObjectsCutter } from './objects';
import { TableObserver } from './observe-table';
import type { EmitRow, EmitTail, RowCutter } from './row-cutter';
import { settleColumns } from './settle-columns';

export const FORMATS = ['ndjson', 'json', 'csv'] as const;
/** What a body is said to be. */
export type Format = (typeof FORMATS)[number];

/** How the client says what it sends. */
export interface Declared {
  /** Undefined: by what is in it. A file that is said to be NDJSON or CSV and is something else is read as what it is. */
  format: Format | undefined;
  /** What the lines of a table are: those of a text, or the rows of a sheet. */
  counts?: 'lines' | 'records';
  /** What is to be said of what the file came in, asked for at the end. */
  warnings?: () => readonly FileWarning[];
}

/** How a file is to be read, as far as the client says it; the rest is found in the file. */
export interface FileOptions {
  /** Name or number of a workbook's sheet. It is unpacked before anything is cut. */
  sheet?: string | undefined;
  delimiter?: string | undefined;
  /** A label of the Encoding Standard, in lower case. */
  encoding?: string | undefined;
  mapping?: Mapping | undefined;
  flat?: boolean | undefined;
  ids?: Reading['ids'] | undefined;
  repeats?: Reading['repeats'] | undefined;
  /** Whether a header with blank or repeated names is refused. */
  strict?: boolean | undefined;
  /** Whether values of the id's column are counted, whichever it is. */
  countsIds?: boolean | undefined;
}

/** How the rows are to be read, and what there is to be said of the file. */
export interface SettledFile {
  reading: Reading;
  warnings: FileWarning[];
  /** Of a table: the column of the id, and what is in it as far as it was looked at. */
  ids?: ColumnValues & { name: string };
  /** Words in cells that may stand for nothing; only looked for together with `countsIds`. */
  nullWords?: string[];
}

export interface FileCutter extends RowCutter {
  /** What the rows are cut as, once that is known. */
  readonly format: TextFormat | undefined;
  /** What divides the cells of a table. */
  readonly delimiter: string;
  /**
   * To be called behind the last row that matters: ids are looked for in the rows so far.
   * @param mapping when it came behind the file
   * @throws AppError missing_users, missing_companies, invalid_parameter
   */
  settle(mapping?: Mapping): SettledFile;
}

/** As much as is looked at to know the format, the delimiter and the encoding. */
export const HEAD_BYTES = 64 * 1024;

/** Its calls throw AppError invalid_json (of a table: missing_users, missing_companies) for what is no text of rows. */
export function createFileCutter(declared: Declared, entity: Entity, options: FileOptions = {}): FileCutter {
  return new CutterOfFile(declared, entity, options);
}

class CutterOfFile implements FileCutter {
  format: TextFormat | undefined;
  private cutter: RowCutter | undefined;
  private transcoder: Transcoder | undefined;
  private layout: Layout | undefined;
  private head: Buffer = Buffer.alloc(0);
  private table: TableObserver | undefined;

  constructor(
    private readonly declared: Declared,
    private readonly entity: Entity,
    private readonly options: FileOptions,
  ) {}

  get header(): Buffer | undefined {
    return this.cutter?.header;
  }

  get delimiter(): string {
    return this.layout?.delimiter ?? ',';
  }

  get unfinishedBytes(): number {
    return this.cutter?.unfinishedBytes ?? this.head.length;
  }

  push(chunk: Buffer, emit: EmitRow, emitTail?: EmitTail): void {
    if (this.cutter !== undefined) {
      this.pass(chunk, emit, emitTail);
      return;
    }
    this.head = this.head.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.head, chunk]);
    // A body of JSON is what it says, or it is refused: that is known early.
    const enough = this.declared.format === 'json' ? RECOGNIZED_BYTES : HEAD_BYTES;
    if (this.head.length >= enough) this.begin(false, emit, emitTail);
  }

  end(emit: EmitRow, emitTail?: EmitTail): void {
    if (this.cutter === undefined) this.begin(true, emit, emitTail);
    const rest = this.transcoder?.end() ?? new Uint8Array();
    if (rest.length > 0) this.cut(Buffer.from(rest.buffer, rest.byteOffset, rest.length), emit, emitTail);
    this.cutter?.end(this.observe(emit), emitTail);
  }

  private begin(isWhole: boolean, emit: EmitRow, emitTail?: EmitTail): void {
    const { head, declared, options } = this;
    const sample = head.subarray(0, HEAD_BYTES);
    const wide = options.encoding ?? detectWide(sample);
    this.refuseForeign(sample, wide);
    const text = decodeHead(sample, wide);
    this.format = this.formatOf({ text, isWhole });
    if (wide !== undefined) this.transcoder = createTranscoder(wide);
    else if (this.format === 'csv') this.transcoder = createDetectingTranscoder();
    this.cutter = this.createCutter(text, isWhole);
    if (declared.format !== 'json' && this.format === 'csv')
      this.table = new TableObserver(this.entity, this.delimiter, options);
    this.head = Buffer.alloc(0);
    this.pass(head, emit, emitTail);
  }

  private pass(chunk: Buffer, emit: EmitRow, emitTail?: EmitTail): void {
    const bytes = this.transcoder?.push(chunk) ?? chunk;
    this.cut(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), emit, emitTail);
  }

  private cut(bytes: Buffer, emit: EmitRow, emitTail?: EmitTail): void {
    if (bytes.length > 0) this.cutter?.push(bytes, this.observe(emit), emitTail);
  }

  private observe(emit: EmitRow): EmitRow {
    const { table } = this;
    if (table === undefined) return emit;
    return (raw, line) => {
      table.add(raw, this.header);
      emit(raw, line);
    };
  }

  private refuseForeign(head: Buffer, wide: string | undefined): void {
    const { format } = this.declared;
    const isWideJson = format === 'json' && wide !== undefined && wide !== UTF_8;
    const foreign = isWideJson
      ? { name: 'text in another encoding', advice: 'A JSON body is UTF-8.' }
      : wide === undefined
        ? recognize(head)
        : undefined;
    if (foreign === undefined) return;
    const code = format === 'csv' ? ENTITIES[this.entity].missingCode : 'invalid_json';
    throw new AppError(code, { details: `This is ${foreign.name}. ${foreign.advice}` });
  }

  private formatOf(head: { text: string; isWhole: boolean }): TextFormat {
    const { format } = this.declared;
    if (format === 'json') return 'json';
    const json = detectJson(head);
    if (json !== undefined) return json;
    if (format === 'csv') return 'csv';
    return isTable(head, this.entity, format === 'ndjson') ? 'csv' : 'ndjson';
  }

  private createCutter(text: string, isWhole: boolean): RowCutter {
    const { collection: envelope, missingCode: missing } = ENTITIES[this.entity];
    if (this.format === 'json') return createJsonArrayCutter({ envelope, missing });
    if (this.format === 'objects') return createObjectsCutter();
    if (this.format === 'ndjson') return createNdjsonCutter();
    const { options } = this;
    this.layout = detectLayout(text, isWhole, options.delimiter);
    const columns = options.mapping?.columns;
    const header = columns && Buffer.from(writeRecord(columns, this.layout.delimiter));
    return createCsvCutter({ missing, ...this.layout, counts: this.declared.counts ?? 'lines', header });
  }

  settle(mapping: Mapping = this.options.mapping ?? {}): SettledFile {
    const { flat, ids, repeats, strict = false } = this.options;
    const warnings = this.formatWarnings();
    const reading: Reading = {
      ...(Object.keys(mapping).length > 0 && { mapping }),
      ...(flat && { flat }),
      ...(ids && { ids }),
      ...(repeats && { repeats }),
    };
    if (this.table === undefined || this.header === undefined) return { reading, warnings };
    if (mapping !== this.options.mapping && (mapping.columns !== undefined || mapping.types === 'infer')) {
      throw new AppError('invalid_parameter', {
        details: 'A mapping with columns, or with types to be inferred, must come before the file.',
      });
    }
    return this.settleTable(this.table, this.header, mapping, strict, { reading, warnings });
  }

  private settleTable(
    table: TableObserver,
    headerLine: Buffer,
    mapping: Mapping,
    strict: boolean,
    { reading, warnings }: SettledFile,
  ): SettledFile {
    const { delimiter } = this;
    const header = splitHeader(headerLine, delimiter);
    const traits = ENTITIES[this.entity];
    const { null_values, true_values, false_values, decimal, date_format } = mapping;
    const cells = defined({ null_values, true_values, false_values, decimal, date_format });
    const { mapping: _mapping, ...rest } = reading;
    try {
      const facts = { header, sample: table.sample, values: table.values };
      const { warnings: more, ...places } = settleColumns(facts, traits, mapping, strict);
      const found: Reading = {
        ...rest,
        ...places,
        ...placeMapping(nameColumns(header), mapping),
        ...(delimiter !== ',' && { delimiter }),
        ...(Object.keys(cells).length > 0 && { mapping: cells }),
      };
      const columns = planColumns(header, traits, found);
      requireOwnKeys(columns);
      const cellTypes = table.typesOf(columns, mapping);
      const isTyped = cellTypes.some((type) => type !== 'string');
      const values = table.values.get(places.idColumn);
      const name = columns[places.idColumn]?.name ?? '';
      return {
        reading: { ...found, ...(isTyped && { cellTypes }) },
        warnings: [...warnings, ...more],
        ...(values && { ids: { name, ...values } }),
        ...(table.nullWords.size > 0 && { nullWords: [...table.nullWords] }),
      };
    } catch (error) {
      if (error instanceof MappingError)
        throw new AppError('invalid_parameter', { details: `mapping: ${error.message}` });
      if (error instanceof RangeError)
        throw new AppError('invalid_parameter', { details: 'mapping: date_format is none that is known.' });
      throw error;
    }
  }

  private formatWarnings(): FileWarning[] {
    const { declared, format, options, layout } = this;
    const warnings = [...(declared.warnings?.() ?? [])];
    const encoding = this.transcoder?.encoding ?? UTF_8;
    if (options.encoding === undefined && encoding !== UTF_8)
      warnings.push({ code: 'encoding_detected', path: '', detail: encoding });
    if (format === 'objects') warnings.push({ code: 'read_as_objects', path: '', detail: '' });
    else if (declared.format !== undefined && format !== undefined && format !== declared.format)
      warnings.push({ code: `read_as_${format}`, path: '', detail: '' });
    const isSaid = options.delimiter !== undefined || layout?.hasSeparatorLine;
    if (layout !== undefined && !isSaid && layout.delimiter !== ',')
      warnings.push({
        code: 'delimiter_detected',
        path: '',
        detail: DELIMITER_NAMES[layout.delimiter] ?? '',
      });
    return warnings;
  }
}

function decodeHead(head: Buffer, encoding: string | undefined): string {
  const transcoder = createTranscoder(encoding ?? UTF_8);
  const bytes = transcoder.push(head);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    .toString('utf8')
    .replace(/^\ufeff/, '');
}

function defined<T extends object>(object: T): Partial<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Partial<T>;
}
