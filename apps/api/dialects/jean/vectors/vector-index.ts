/**
 * The candidates of a domain in memory, for exact comparisons. It is brought up to date before every search with what was
 * written since, by whatever process; who was deleted is noticed when found, and never shown.
 */
import { BLOCK_VECTORS, VectorBlock } from '#dialect/jean/embed/vector-block';
import type { Store } from '#store/client';
import { findCandidates, readChangedVectors } from '#store/scan-embeddings';

export interface Neighbor {
  userId: string;
  /** Cosine, -1 to 1. */
  score: number;
}

/** Whose vectors can be compared. */
export interface IndexKey {
  environmentId: number;
  domain: string;
  model: string;
  dimensions: number;
}

/** Beyond this the least recently used domains are forgotten and read again when they are searched. */
const MAX_BYTES = 1024 * 1024 * 1024;
/** A domain that nobody searches is forgotten after this. */
const IDLE_MS = 10 * 60_000;

export interface VectorIndexes {
  /** The nearest candidates, best first; equal ones in the order of their ids. The user itself is left out. */
  search(key: IndexKey, query: Int8Array, userId: string, limit: number): Promise<Neighbor[]>;
}

/** One for each process. */
export function createVectorIndexes(store: Store): VectorIndexes {
  const kept = new Map<string, VectorIndex>();
  const get = (key: IndexKey) => {
    const name = `${key.environmentId} ${key.domain} ${key.model} ${key.dimensions}`;
    const index = kept.get(name) ?? new VectorIndex(store, key, () => kept.delete(name));
    // The one that was used last stands last.
    kept.delete(name);
    kept.set(name, index);
    return index;
  };
  const makeRoom = (used: VectorIndex) => {
    let bytes = [...kept.values()].reduce((sum, index) => sum + index.bytes, 0);
    for (const [name, index] of kept) {
      if (bytes <= MAX_BYTES) return;
      if (index === used && kept.size > 1) continue;
      bytes -= index.bytes;
      kept.delete(name);
    }
  };
  return {
    async search(key, query, userId, limit) {
      const index = get(key);
      const found = await index.search(query, userId, limit);
      makeRoom(index);
      return found;
    },
  };
}

class VectorIndex {
  private readonly blocks: VectorBlock[] = [];
  /** Slot of each user, and the user of each slot; a slot whose user has gone has none. */
  private readonly slots = new Map<string, number>();
  private readonly users: (string | undefined)[] = [];
  private mark: string | undefined;
  private refreshing: Promise<void> | undefined;
  private idle: NodeJS.Timeout | undefined;

  constructor(
    private readonly store: Store,
    private readonly key: IndexKey,
    private readonly forget: () => void,
  ) {}

  get bytes(): number {
    return this.blocks.length * VectorBlock.bytesOf(this.key.dimensions);
  }

  async search(query: Int8Array, userId: string, limit: number): Promise<Neighbor[]> {
    clearTimeout(this.idle);
    this.idle = setTimeout(this.forget, IDLE_MS).unref();
    await this.refresh();
    const { environmentId, domain } = this.key;
    for (;;) {
      const found = await this.compare(query, userId, limit);
      const alive = await findCandidates(
        this.store.pool,
        environmentId,
        domain,
        found.map((one) => one.userId),
      );
      const gone = found.filter((one) => !alive.has(one.userId));
      if (gone.length === 0) return found;
      for (const one of gone) this.remove(one.userId);
    }
  }

  /** One at a time; who comes meanwhile begins another one, because its own writes may be newer. */
  private async refresh(): Promise<void> {
    while (this.refreshing !== undefined) await this.refreshing;
    this.refreshing = readChangedVectors(this.store, this.key, this.mark, async (vectors) => {
      for (const { userId, vector } of vectors) {
        if (vector === null || vector.length !== this.key.dimensions) this.remove(userId);
        else this.put(userId, new Int8Array(vector.buffer, vector.byteOffset, vector.length));
      }
      await new Promise((resolve) => setImmediate(resolve));
    })
      .then((mark) => {
        this.mark = mark;
      })
      .finally(() => {
        this.refreshing = undefined;
      });
    await this.refreshing;
  }

  private put(userId: string, vector: Int8Array): void {
    const slot = this.slots.get(userId) ?? this.users.length;
    this.slots.set(userId, slot);
    this.users[slot] = userId;
    const number = Math.floor(slot / BLOCK_VECTORS);
    this.blocks[number] ??= new VectorBlock(this.key.dimensions);
    this.blocks[number].set(slot % BLOCK_VECTORS, vector);
  }

  private remove(userId: string): void {
    const slot = this.slots.get(userId);
    if (slot === undefined) return;
    this.slots.delete(userId);
    this.users[slot] = undefined;
    this.blocks[Math.floor(slot / BLOCK_VECTORS)]?.set(
      slot % BLOCK_VECTORS,
      new Int8Array(this.key.dimensions),
    );
  }

  private async compare(query: Int8Array, userId: string, limit: number): Promise<Neighbor[]> {
    const best: Neighbor[] = [];
    let least = Number.NEGATIVE_INFINITY;
    for (const [number, block] of this.blocks.entries()) {
      block.compare(query, (index, score) => {
        if (best.length >= 2 * limit && score < least) return;
        const other = this.users[number * BLOCK_VECTORS + index];
        if (other === undefined || other === userId) return;
        best.push({ userId: other, score });
        if (best.length < 4 * limit) return;
        best.sort(byScore).splice(limit);
        least = best.at(-1)?.score ?? least;
      });
      await new Promise((resolve) => setImmediate(resolve));
    }
    return best.sort(byScore).slice(0, limit);
  }
}

function byScore(a: Neighbor, b: Neighbor): number {
  return b.score - a.score || (a.userId < b.userId ? -1 : 1);
}
