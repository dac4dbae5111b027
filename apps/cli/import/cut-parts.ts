/** Cuts rows into parts that one job can take: by rows and by bytes. */
import type { PreparedRow } from './prepare-rows';

/** What one request may carry (contract, limits), less a little for what else is in it. */
export const MAX_PART_ROWS = 10_000;
export const MAX_PART_BYTES = 49 * 1024 * 1024;

export interface PartLimits {
  rows: number;
  bytes: number;
}

/**
 * Deterministic: the same rows and limits give the same parts.
 * @param skipped rows that are left out at the beginning
 */
export async function* cutParts(
  batches: AsyncIterable<PreparedRow[]>,
  limits: PartLimits,
  skipped = 0,
): AsyncGenerator<PreparedRow[], void> {
  let part: PreparedRow[] = [];
  let bytes = 0;
  for await (const batch of batches) {
    for (const row of batch) {
      if (row.input.row <= skipped) continue;
      const size = 'json' in row ? row.json.length + 1 : 0;
      const isFull = part.length === limits.rows || bytes + size > limits.bytes;
      if (isFull && part.length > 0) {
        yield part;
        part = [];
        bytes = 0;
      }
      part.push(row);
      bytes += size;
    }
  }
  if (part.length > 0) yield part;
}
