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
}

/** Users or companies of the environment in the order of their ids' bytes. */
export async function listProfiles(
  db: Queryable,
  environmentId: number,
  entity: Entity,
  filter: ProfileFilter,
): Promise<Profile[]> {
  const { collection, idKey, belongsToCompany } = ENTITIES[entity];
  const values: unknown[] = [environmentId, filter.limit];
  const conditions = ['environment_id = $1'];
  const add = (condition: string, value: unknown) => {
    if (value !== undefined) conditions.push(`${condition} $${values.push(value)}`);
  };
  add(`${idKey} =`, filter.id);
  add(`${idKey} >`, filter.after);
  if (belongsToCompany) add('company_id =', filter.companyId);
  const { rows } = await db.query<Profile>(
    `SELECT ${COLUMNS[entity]} FROM ${collection} WHERE ${conditions.join(' AND ')} ORDER BY ${idKey} LIMIT $2`,
    values,
  );
  return rows;
}
