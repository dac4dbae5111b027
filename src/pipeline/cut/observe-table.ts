/** What is in a table, while its records are split: distinct values, types of cells, and words that may stand for nothing. */
import { type ColumnValues, idCandidates } from '#file/find-id-column';
import { findColumn, nameColumns } from '#file/name-columns';
import { splitRecord } from '#file/split-record';
import { ENTITIES, type Entity } from '#job/entity';
import type { CellType, Mapping } from '#job/reading';
import { splitHeader } from '../create-row-reader';
import { type Column, ColumnTypes, planColumns } from '../map-columns';

/** Rows in which values are counted. */
const COUNTED_ROWS = 20_000;
const SAMPLE_ROWS = 20;
/** What exports write for nothing. */
const NULL_WORDS = new Set(['NULL', 'null', 'N/A', 'n/a', 'NA', '#N/A', 'None', 'nil', '-', '--']);

/** What of a file's options it goes by. */
export interface ObservedOptions {
  mapping?: Mapping | undefined;
  /** Whether values of the id's column are counted, whichever it is. */
  countsIds?: boolean | undefined;
}

/** Looks at the records as they go by: which column has distinct values, and which types the cells have. */
export class TableObserver {
  readonly sample: string[][] = [];
  /** Of NULL_WORDS, those that are in cells and are not said to count as empty. */
  readonly nullWords = new Set<string>();
  private rows = 0;
  private readonly sets = new Map<number, { cells: number; values: Set<string> }>();
  private types: ColumnTypes | undefined;
  private isBegun = false;
  private isNeeded = true;

  constructor(
    private readonly entity: Entity,
    private readonly delimiter: string,
    private readonly options: ObservedOptions,
  ) {}

  get values(): ReadonlyMap<number, ColumnValues> {
    return new Map(
      [...this.sets].map(([index, { cells, values }]) => [index, { cells, distinct: values.size }]),
    );
  }

  add(raw: Buffer, header: Buffer | undefined): void {
    if (!this.isBegun) this.begin(header);
    this.rows++;
    const isSample = this.rows <= SAMPLE_ROWS;
    if (!isSample && (!this.isNeeded || this.rows > COUNTED_ROWS)) return;
    const split = splitRecord(raw.toString('utf8'), this.delimiter);
    if ('fault' in split) return;
    if (isSample) this.sample.push(split.cells);
    this.types?.add(split.cells);
    if (this.options.countsIds) this.lookForNullWords(split.cells);
    for (const [index, set] of this.sets) {
      const cell = split.cells[index] ?? '';
      if (cell === '') continue;
      set.cells++;
      set.values.add(cell);
    }
  }

  private lookForNullWords(cells: readonly string[]): void {
    const known = this.options.mapping?.null_values ?? [];
    for (const cell of cells) if (NULL_WORDS.has(cell) && !known.includes(cell)) this.nullWords.add(cell);
  }

  typesOf(columns: readonly Column[], mapping: Mapping): CellType[] {
    return (
      (mapping === this.options.mapping ? this.types : undefined)?.types ??
      new ColumnTypes(columns, mapping).types
    );
  }

  private begin(headerLine: Buffer | undefined): void {
    this.isBegun = true;
    const { mapping = {} } = this.options;
    const header = headerLine === undefined ? [] : splitHeader(headerLine, this.delimiter);
    const columns = nameColumns(header);
    const candidates = idCandidates(columns, this.entity);
    const counted = candidates.map(({ column }) => column);
    if (mapping.id !== undefined) counted.push(...[findColumn(columns, mapping.id) ?? []].flat());
    if (this.options.countsIds || (mapping.id === undefined && candidates[0]?.likelihood !== 'own')) {
      for (const column of counted) this.sets.set(column.index, { cells: 0, values: new Set() });
    }
    if (mapping.types === 'infer') this.types = inferenceOf(header, this.entity, mapping);
    this.isNeeded = this.options.countsIds === true || this.sets.size > 0 || this.types !== undefined;
  }
}

/** Of every column, the id's, too: which one that is may be known at the end only. Undefined when the mapping does not fit. */
function inferenceOf(header: readonly string[], entity: Entity, mapping: Mapping): ColumnTypes | undefined {
  try {
    return new ColumnTypes(planColumns(header, ENTITIES[entity]), mapping);
  } catch {
    return undefined;
  }
}
