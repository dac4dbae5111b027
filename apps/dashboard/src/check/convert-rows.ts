/** A CSV as NDJSON, by the mapping that was made for it. */
import type { CheckProgress, FileTask } from './messages';
import { readRows } from './read-rows';
import { RowTexts } from './row-texts';

/**
 * A record that is none goes along as it is: then the service refuses that row and no other one moves.
 * @throws AppError, MappingError: checkRows has found them before
 */
export async function convertRows(task: FileTask, tell: (progress: CheckProgress) => void): Promise<Blob> {
  const rows = readRows(task, task.kind);
  const texts = new RowTexts(task, rows);
  const parts: Blob[] = [];
  let count = 0;
  for await (const chunk of rows.chunks) {
    const lines = texts.textsOf(chunk.rows).map((text, index) => {
      const json = text?.toString('utf8') ?? JSON.stringify(chunk.rows[index]?.raw.toString('utf8'));
      return `${json}\n`;
    });
    count += lines.length;
    parts.push(new Blob(lines));
    tell({ bytes: chunk.bytes, rows: count, failedRows: 0 });
  }
  return new Blob(parts, { type: 'application/x-ndjson' });
}
