/**
 * Tells which rows are about somebody who was erased: those with the id, and those whose id cannot be read but which hold
 * the id or a value by which the person was known.
 */
import type { Entity } from '#job/entity';
import type { Queryable } from '#store/client';
import { type Erasure, findErasures } from '#store/erase';
import { MAX_ROW_BYTES } from './read-row';
import { TermIndex } from './term-index';

/** The job whose rows are looked through. */
export interface FilteredJob {
  id: string;
  environmentId: number;
  entity: Entity;
}

export class ErasureFilter {
  private readonly ids: ReadonlySet<string>;
  private readonly terms: TermIndex;
  /** The last erasure that it knows of; 0 = none. */
  readonly throughId: number;

  /** @param entity of the rows */
  constructor(erasures: readonly Erasure[], entity: Entity) {
    this.ids = new Set(erasures.filter((one) => one.entity === entity).map(({ subject }) => subject));
    this.terms = new TermIndex(erasures.flatMap(({ subject, terms }) => [subject, ...terms]));
    this.throughId = erasures.at(-1)?.id ?? 0;
  }

  get isEmpty(): boolean {
    return this.throughId === 0;
  }

  /** Ids of the rows' kind that were erased. */
  get erasedIds(): readonly string[] {
    return [...this.ids];
  }

  /**
   * @param id of the row; null when it cannot be read
   * @param raw the row as it came; null when it need not be looked at, because it has an id
   * @param tail what is not in `raw` of a row that is longer than a row may be; looked at only of such a row
   */
  async isErased(id: string | null, raw: Buffer | null, tail?: AsyncIterable<Buffer>): Promise<boolean> {
    if (id !== null) return this.ids.has(id);
    if (raw === null) return false;
    const isLong = tail !== undefined && raw.length > MAX_ROW_BYTES;
    return this.terms.isFoundInBytes(raw, isLong ? tail : []);
  }

  /** Whether a text beside the rows, such as the name of a file, holds an id or value. */
  isTold(text: string): boolean {
    return this.terms.isFoundIn(text);
  }
}

/** The erasures that are about a job, as they are now. */
export async function loadErasureFilter(db: Queryable, job: FilteredJob): Promise<ErasureFilter> {
  return new ErasureFilter(await findErasures(db, job), job.entity);
}
