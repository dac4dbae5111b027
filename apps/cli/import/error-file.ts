/**
 * Collects the rows that failed: FILE has them as they stood in the input, ready to be mended and imported again, and
 * FILE.reasons has a line of JSON for each with its line, id and errors.
 */

import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import type { RowError } from '#job/outcome';
import type { InputRow } from './read-rows';

export interface FailedRow {
  input: InputRow;
  id: string | null;
  errors: RowError[];
}

export interface ErrorFile {
  add(failed: FailedRow): Promise<void>;
  /** @throws what the disk throws */
  close(): Promise<void>;
}

/**
 * @param header of a CSV, its first line
 * @param goesOn adds to files that an interrupted import has begun
 */
export function openErrorFile(file: string, header: () => Buffer | undefined, goesOn: boolean): ErrorFile {
  const flags = goesOn ? 'a' : 'w';
  const rows = createWriteStream(file, { flags });
  const reasons = createWriteStream(`${file}.reasons`, { flags });
  // Told when it is closed, or by the write that it breaks.
  let fault: Error | undefined;
  for (const stream of [rows, reasons]) stream.on('error', (error) => (fault ??= error));
  let isEmpty = !goesOn;
  return {
    async add({ input, id, errors }) {
      if (fault !== undefined) throw fault;
      const first = isEmpty ? header() : undefined;
      isEmpty = false;
      if (first !== undefined) await write(rows, `${first.toString('utf8')}\n`);
      await write(rows, Buffer.concat([input.raw, Buffer.from('\n')]));
      await write(reasons, `${JSON.stringify({ row: input.row, line: input.line, id, errors })}\n`);
    },
    async close() {
      for (const stream of [rows, reasons]) {
        stream.end();
        if (fault === undefined) await once(stream, 'close');
      }
      if (fault !== undefined) throw fault;
    },
  };
}

async function write(stream: WriteStream, piece: string | Buffer): Promise<void> {
  if (!stream.write(piece)) await once(stream, 'drain');
}
