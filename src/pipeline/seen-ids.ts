/** The ids of one file as they go by: which come again, and which look like another one. */

/** How many ids there are, and how many rows have one of them. */
export interface IdCount {
  ids: number;
  rows: number;
}

/** Ids that are looked at; what comes behind them is not. */
export const MAX_SEEN_IDS = 1_000_000;

interface Seen {
  first: number;
  last: number;
  rows: number;
}

/** What differs only in this is the same to whoever reads it. */
const UNSEEN = /[\s\p{Cf}]+/gu;

export class SeenIds {
  private readonly byId = new Map<string, Seen>();
  /** Of what ids look like: one such id, and whether another one came. */
  private readonly byLook = new Map<string, { id: string; isShared: boolean }>();
  private readonly repeatedIds: IdCount = { ids: 0, rows: 0 };
  private readonly lookalikes = new Set<string>();

  /** Ids that come more than once. */
  get repeated(): IdCount {
    return this.repeatedIds;
  }

  /** Ids that differ from another one only in case, white space and what nobody sees. */
  get similar(): IdCount {
    let rows = 0;
    for (const id of this.lookalikes) rows += this.byId.get(id)?.rows ?? 0;
    return { ids: this.lookalikes.size, rows };
  }

  /** @returns the first and the last row before that has this id; undefined when there is none */
  add(id: string, row: number): { first: number; last: number } | undefined {
    const seen = this.byId.get(id);
    if (seen === undefined) {
      if (this.byId.size < MAX_SEEN_IDS) this.addNew(id, row);
      return undefined;
    }
    const before = { first: seen.first, last: seen.last };
    seen.last = row;
    seen.rows++;
    this.repeatedIds.rows += seen.rows === 2 ? 2 : 1;
    if (seen.rows === 2) this.repeatedIds.ids++;
    return before;
  }

  private addNew(id: string, row: number): void {
    this.byId.set(id, { first: row, last: row, rows: 1 });
    const look = id.normalize('NFKC').replaceAll(UNSEEN, '').toLowerCase();
    const known = this.byLook.get(look);
    if (known === undefined) {
      this.byLook.set(look, { id, isShared: false });
      return;
    }
    if (!known.isShared) this.lookalikes.add(known.id);
    known.isShared = true;
    this.lookalikes.add(id);
  }
}
