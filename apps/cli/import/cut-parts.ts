/** Cuts rows into parts that one job can take: by rows and by bytes. */
import type { InputRow } from './read-rows';

/** What one request may carry (contract, limits), less a little for what else is in it. */
export const MAX_PART_ROWS = 10_000;
export const MAX_PART_BYTES = 49 * 1024 * 1024;

export interface PartLimits {
  rows: number;
  bytes: number;
}

export interface Part {
  /** 1, 2, ... */
  number: number;
  rows: InputRow[];
}

/**
 * Deterministic: the same rows and limits give the same parts.
 * @param skipped rows that are left out at the beginning; the first part has the given number
 */
export async function* cutParts(
  batches: AsyncIterable<InputRow[]>,
  limits: PartLimits,
  { skipped = 0, first = 1 }: { skipped?: number; first?: number } = {},
): AsyncGenerator<Part, void> {
  let part: Part = { number: first, rows: [] };
  let bytes = 0;
  for await (const batch of batches) {
    for (const row of batch) {
      if (row.row <= skipped) continue;
      const size = row.raw.length + 1;
      const isFull = part.rows.length === limits.rows || bytes + size > limits.bytes;
      if (isFull && part.rows.length > 0) {
        yield part;
        part = { number: part.number + 1, rows: [] };
        bytes = 0;
      }
      part.rows.push(row);
      bytes += size;
    }
  }
  if (part.rows.length > 0) yield part;
}
