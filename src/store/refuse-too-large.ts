/**
 * Which rows of an id are refused because the stored metadata would become too large: worked out one row after another,
 * with sizes only, because a refused row leaves what stands and the next one goes on from there.
 */

/** What fold-statement.ts knows of the ids of which a row goes beyond the limits. */
export interface Ledger {
  /** Of each id: its first row, and bytes and keys of what is stored. */
  bases: [base: number, bytes: number, keys: number][];
  /**
   * What each row makes of a slot (a key, or the metadata as a whole): its bytes and keys afterwards. Row 0: what is
   * stored there. In the order of the rows of each id.
   */
  moves: [base: number, row: number, slot: number, bytes: number, keys: number][];
}

export interface ProfileLimits {
  bytes: number;
  keys: number;
}

/** Returns the refused rows. A row that makes nothing larger is never refused, whatever an older version has stored. */
export function refuseTooLarge({ bases, moves }: Ledger, limits: ProfileLimits): number[] {
  const refused: number[] = [];
  const totals = new Map(bases.map(([base, bytes, keys]) => [base, { bytes, keys }]));
  const slots = new Map<string, Size>();
  for (let start = 0; start < moves.length; ) {
    const [base, row] = moves[start] as Ledger['moves'][number];
    let end = start;
    while (end < moves.length && moves[end]?.[0] === base && moves[end]?.[1] === row) end++;
    const own = moves.slice(start, end);
    start = end;
    const total = totals.get(base) ?? { bytes: 0, keys: 0 };
    const more = { bytes: 0, keys: 0 };
    if (row > 0) {
      for (const [, , slot, bytes, keys] of own) {
        const before = slots.get(`${base} ${slot}`) ?? ABSENT;
        more.bytes += bytes - before.bytes;
        more.keys += keys - before.keys;
      }
      const after = { bytes: total.bytes + more.bytes, keys: total.keys + more.keys };
      const isBeyond =
        (more.bytes > 0 && after.bytes > limits.bytes) || (more.keys > 0 && after.keys > limits.keys);
      if (isBeyond) {
        refused.push(row);
        continue;
      }
      totals.set(base, after);
    }
    for (const [, , slot, bytes, keys] of own) slots.set(`${base} ${slot}`, { bytes, keys });
  }
  return refused;
}

interface Size {
  bytes: number;
  keys: number;
}

const ABSENT: Size = { bytes: 0, keys: 0 };
