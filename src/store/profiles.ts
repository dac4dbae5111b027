/**
 * Reading stored users and companies back. The metadata stays JSON text from the table to the answer, because parsing
 * it here would round its numbers.
 */
import { ENTITIES, type Entity } from '#job/entity';
import type { Queryable } from './client';

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
  const { collection, idKey, belongsToCompany } = ENTITIES[entity];
  const values: unknown[] = [environmentId, filter.limit, filter.bytes];
  const conditions = ['environment_id = $1'];
  const add = (condition: string, value: unknown) => {
    if (value !== undefined) conditions.push(`${condition} $${values.push(value)}`);
  };
  add(`${idKey} =`, filter.id);
  add(`${idKey} >`, filter.after);
  if (belongsToCompany) add('company_id =', filter.companyId);
  // What is beyond the bytes by its stored size is not even decompressed; the text, which may be longer, decides.
  const { rows } = await db.query<SizedProfile>(
    `SELECT * FROM (
       SELECT p.*, octet_length(metadata) AS bytes, ${sumBefore('octet_length(metadata)', 'id')} AS before
       FROM (
         SELECT ${COLUMNS[entity]}, "rowsLookedAt" FROM (
           SELECT *, count(*) OVER ()::int AS "rowsLookedAt", ${sumBefore('size', idKey)} AS size_before
           FROM (SELECT *, coalesce(metadata_size, octet_length(metadata::text)) AS size
                 FROM ${collection} WHERE ${conditions.join(' AND ')}
                 ORDER BY ${idKey} LIMIT $2 OFFSET 0) looked_at) sized
         WHERE size_before < $3) p) texts
     WHERE before < $3 ORDER BY id`,
    values,
  );
  return rows;
}

function sumBefore(bytes: string, order: string): string {
  return `coalesce(sum(${bytes}) OVER (ORDER BY ${order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::float8`;
}
