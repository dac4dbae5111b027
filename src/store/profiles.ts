/**
 * Reading stored users and companies back. The metadata stays JSON text from the table to the answer, because parsing
 * it here would round its numbers.
 */
import { ENTITIES, type Entity } from '#job/entity';
import type { Queryable, Store } from './client';
import { goByIndex, searchParts } from './search';

export interface Profile {
  id: string;
  /** Always null for companies. */
  companyId: string | null;
  /** JSON text. */
  metadata: string;
  createdAt: Date;
  updatedAt: Date;
  lastJobId: string | null;
  /** JSON text of what Gurubase's clients keep of a user; null when there is none. Read with one user only. */
  memory?: string | null;
}

const COLUMNS: Record<Entity, string> = { user: columns('user'), company: columns('company') };

function columns(entity: Entity): string {
  const { idKey, belongsToCompany } = ENTITIES[entity];
  return `${idKey} AS id, ${belongsToCompany ? 'company_id' : 'NULL'} AS "companyId", metadata::text AS metadata,
    created_at AS "createdAt", updated_at AS "updatedAt", last_job_id AS "lastJobId"`;
}

/** One user or company of the environment. */
export async function readProfile(
  db: Queryable,
  environmentId: number,
  entity: Entity,
  id: string,
): Promise<Profile | undefined> {
  const { collection, idKey } = ENTITIES[entity];
  const { rows } = await db.query<Profile>(
    `SELECT ${COLUMNS[entity]}, ${entity === 'user' ? 'memory::text' : 'NULL'} AS memory
     FROM ${collection} WHERE environment_id = $1 AND ${idKey} = $2`,
    [environmentId, id],
  );
  return rows[0];
}

export interface ProfileFilter {
  id?: string | undefined;
  companyId?: string | undefined;
  /** Only those whose id begins with this, and users whose e-mail address it is. */
  search?: string | undefined;
  /** Only ids behind this one. */
  after?: string | undefined;
  limit: number;
  /** Stops before the one that would go over so many bytes of metadata, but gives one at least. */
  bytes: number;
}

/** So many are looked at by the first statement. */
const STATEMENT_ROWS = 50;

/**
 * Users or companies of the environment in the order of their ids' bytes, until one of the limits of the filter.
 * @returns whether there are more behind them, too
 */
export async function listProfiles(
  db: Queryable,
  environmentId: number,
  entity: Entity,
  filter: ProfileFilter,
): Promise<{ profiles: Profile[]; hasMore: boolean }> {
  const profiles: Profile[] = [];
  let bytesLeft = filter.bytes;
  let after = filter.after;
  // One more than is wanted says whether there are more. Quick ones are read in larger parts.
  for (let rows = STATEMENT_ROWS; ; rows *= 4) {
    const limit = Math.min(rows, filter.limit + 1 - profiles.length);
    const part = await readPart(db, environmentId, entity, { ...filter, after, limit, bytes: bytesLeft });
    const isCut = part.length < limit && (part.at(-1)?.rowsLookedAt ?? 0) > part.length;
    for (const profile of part) bytesLeft -= profile.bytes;
    profiles.push(...part);
    const hasMore = isCut || profiles.length > filter.limit;
    if (hasMore || part.length < limit) return { profiles: profiles.slice(0, filter.limit), hasMore };
    if (bytesLeft <= 0) return { profiles, hasMore: true };
    after = part.at(-1)?.id;
  }
}

/** Those of them that a text is known by: `filter.search`, which listProfiles may have too, by index without fail. */
export async function searchProfiles(
  store: Pick<Store, 'transaction'>,
  environmentId: number,
  entity: Entity,
  filter: ProfileFilter,
): Promise<{ profiles: Profile[]; hasMore: boolean }> {
  return store.transaction(async (tx) => {
    await goByIndex(tx);
    return listProfiles(tx, environmentId, entity, filter);
  });
}

interface SizedProfile extends Profile {
  /** Of the metadata. */
  bytes: number;
  /** By the whole statement. */
  rowsLookedAt: number;
}

async function readPart(
  db: Queryable,
  environmentId: number,
  entity: Entity,
  filter: ProfileFilter,
): Promise<SizedProfile[]> {
  const { text, values } = partStatement(environmentId, entity, filter);
  const { rows } = await db.query<SizedProfile>(text, values);
  return rows;
}

/** Not prepared: planned anew each time, by the table as it is and the values that are asked for. */
export function partStatement(
  environmentId: number,
  entity: Entity,
  filter: ProfileFilter,
): { text: string; values: unknown[] } {
  const { collection, idKey, belongsToCompany } = ENTITIES[entity];
  const values: unknown[] = [environmentId, filter.limit, filter.bytes];
  const bind = (value: unknown) => `$${values.push(value)}`;
  const conditions = ['environment_id = $1'];
  const add = (condition: string, value: unknown) => {
    if (value !== undefined) conditions.push(`${condition} ${bind(value)}`);
  };
  add(`${idKey} =`, filter.id);
  add(`${idKey} >`, filter.after);
  if (belongsToCompany) add('company_id =', filter.companyId);
  const select = (...more: string[]) =>
    `SELECT *, coalesce(metadata_size, octet_length(metadata::text)) AS size
             FROM ${collection} WHERE ${[...conditions, ...more].join(' AND ')}
             ORDER BY ${idKey} LIMIT $2 OFFSET 0`;
  const { search } = filter;
  // Each part has its own index and gives the first rows in the order of ids: together they have the first of all.
  const parts = search === undefined ? [] : searchParts(entity, idKey, search, bind);
  const found =
    search === undefined
      ? select()
      : `SELECT * FROM (${parts.map((part) => `(${select(part)})`).join(' UNION ALL ')}) parts
         ORDER BY ${idKey} LIMIT $2`;
  // What is beyond the bytes by its stored size is not even decompressed; the text, which may be longer, decides.
  const text = `SELECT * FROM (
       SELECT p.*, octet_length(metadata) AS bytes, ${sumBefore('octet_length(metadata)', 'id')} AS before
       FROM (
         SELECT ${COLUMNS[entity]}, "rowsLookedAt" FROM (
           SELECT *, count(*) OVER ()::int AS "rowsLookedAt", ${sumBefore('size', idKey)} AS size_before
           FROM (${found}) looked_at) sized
         WHERE size_before < $3) p) texts
     WHERE before < $3 ORDER BY id`;
  return { text, values };
}

function sumBefore(bytes: string, order: string): string {
  return `coalesce(sum(${bytes}) OVER (ORDER BY ${order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::float8`;
}
