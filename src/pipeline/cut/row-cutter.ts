/**
 * The contract of the cutters: bytes of a body in, raw rows out, in order, in constant memory.
 * Three implementations: ndjson.ts (lines), json-array.ts (elements of a JSON array) and csv.ts (records).
 * A cutter never interprets a row: whether a row is acceptable is decided later, row by row, by the worker.
 */

/** Receives one row. `raw` may be a view on the chunk that is being pushed: copy it before the call returns. */
export type EmitRow = (raw: Buffer, line: number | null) => void;

/**
 * Receives the next piece of a row that is too long to be held: `EmitRow` had its beginning, longer than a row may be. A
 * view as there.
 */
export type EmitTail = (piece: Buffer) => void;

/** Cuts a stream of bytes into rows. Use one cutter for one body. */
export interface RowCutter {
  /** The header line of a CSV body, once it has been read. */
  readonly header?: Buffer | undefined;
  /** Bytes of the row that is not complete yet. */
  readonly unfinishedBytes: number;
  /**
   * Takes the next bytes and emits the rows that they complete. Throws AppError when the envelope is broken.
   * @param emitTail of the long rows; undefined = every row is emitted whole, however long it is
   */
  push(chunk: Buffer, emit: EmitRow, emitTail?: EmitTail): void;
  /** The body is over: emits what is left. Throws AppError when the envelope is not complete. */
  end(emit: EmitRow, emitTail?: EmitTail): void;
}
