/** What a row of a file is as JSON, by the columns of a CSV where it is one. */
import { ENTITIES } from '#job/entity';
import { parseRecord, parseRecords } from '#pipeline/csv-record';
import { type ColumnMapping, mapColumns, placeColumns, RecordWriter } from '#pipeline/map-columns';
import { type CellType, type FileTask, LEFT_OUT, type Mapping } from './messages';
import { ENTITY_OF, type FileRow, type FileRows } from './read-rows';

/** A column of this name is in no file: no column is the company's. */
const NO_COLUMN = '\u0000';

export class RowTexts {
  private writer: RecordWriter | undefined;

  constructor(
    private readonly task: FileTask,
    private readonly rows: FileRows,
  ) {}

  get misfits(): [column: string, cells: number][] {
    return [...(this.writer?.misfits ?? [])];
  }

  /**
   * The rows as JSON, each undefined for what is no record of the CSV.
   * @throws MappingError when the mapping makes one of two columns
   */
  textsOf(rows: readonly FileRow[]): (Buffer | undefined)[] {
    const raws = rows.map(({ raw }) => raw);
    if (this.task.format !== 'csv' || raws.length === 0) return raws;
    this.writer ??= this.createWriter();
    const { writer } = this;
    return parseRecords(raws).map((cells) => {
      const json = writer.write(cells);
      return json === undefined ? undefined : Buffer.from(json);
    });
  }

  private createWriter(): RecordWriter {
    const traits = ENTITIES[ENTITY_OF[this.task.kind]];
    const headerBytes = this.rows.header();
    const header = (headerBytes && parseRecord(headerBytes)) ?? [];
    const { mapping } = this.task;
    if (mapping === null) return new RecordWriter(placeColumns(header, traits));
    const planned = planColumns(header, mapping);
    mapColumns(header, traits, { ...planned, companyColumn: mapping.companyColumn });
    const columns = placeColumns(header, traits, planned);
    // Ids are strings, whatever they look like.
    const types = columns.map(({ place }, index) =>
      typeOf(place === 'metadata' ? mapping.types[index] : undefined),
    );
    return new RecordWriter(columns, types);
  }
}

function typeOf(given: Mapping['types'][number] | undefined): CellType {
  return given === undefined || given === LEFT_OUT ? 'string' : given;
}

function planColumns(header: readonly string[], mapping: Mapping): ColumnMapping {
  return {
    idColumn: mapping.idColumn,
    companyColumn: mapping.companyColumn ?? NO_COLUMN,
    skipped: new Set(header.filter((_, index) => mapping.types[index] === LEFT_OUT)),
    renamed: new Map(header.map((name, index) => [name, mapping.names[index] || name])),
    types: new Map(),
    infers: false,
  };
}
