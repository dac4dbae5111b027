/** A table as it came, with a last column that says why its records failed: ready to be mended and sent again. */
import { splitRecord, writeRecord } from '#file/split-record';
import type { RowError } from '#job/outcome';
import { ERROR_COLUMN } from '#pipeline/map-columns';
import { MAX_ROW_BYTES } from '#pipeline/read-row';

export interface Table {
  csvHeader: Buffer;
  delimiter: string;
}

export class ErrorColumn {
  readonly header: Buffer;
  private readonly columns: number;

  constructor(private readonly table: Table) {
    const { csvHeader, delimiter } = table;
    const split = splitRecord(csvHeader.toString('utf8'), delimiter);
    this.columns = 'cells' in split ? split.cells.length : 0;
    this.header = Buffer.from(`${csvHeader.toString('utf8')}${delimiter}${ERROR_COLUMN}`);
  }

  /** @returns the record with its errors; a record that cannot be divided into cells, or is too long, as it is */
  add(raw: Buffer, errors: readonly RowError[]): Buffer {
    const { delimiter } = this.table;
    if (raw.length > MAX_ROW_BYTES) return raw;
    const split = splitRecord(raw.toString('latin1'), delimiter);
    if ('fault' in split) return raw;
    const missing = delimiter.repeat(Math.max(0, this.columns - split.cells.length));
    const told = errors.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join(' ');
    return Buffer.concat([raw, Buffer.from(`${missing}${delimiter}${writeRecord([told], delimiter)}`)]);
  }
}
