/** Schemas of domains, every version of them. A version is never changed. */
import type { Queryable, Store } from './client';
import { LostRaceError, violates } from './faults';
import { requireOpenEnvironment } from './open-environment';

export interface StoredSchema {
  version: number;
  /** JSON text, as it was put. */
  definition: string;
  createdAt: Date;
}

/** Number of the newest version; undefined when there is no such domain. */
export async function findSchemaVersion(
  db: Queryable,
  environmentId: number,
  domain: string,
): Promise<number | undefined> {
  const { rows } = await db.query<{ version: number | null }>({
    name: 'find-schema-version',
    text: 'SELECT max(version) AS version FROM domain_schemas WHERE environment_id = $1 AND domain = $2',
    values: [environmentId, domain],
  });
  return rows[0]?.version ?? undefined;
}

/** One version, by default the newest. */
export async function readSchema(
  db: Queryable,
  environmentId: number,
  domain: string,
  version?: number,
): Promise<StoredSchema | undefined> {
  const { rows } = await db.query<StoredSchema>(
    `SELECT version, definition::text AS definition, created_at AS "createdAt" FROM domain_schemas
     WHERE environment_id = $1 AND domain = $2 AND ($3::int IS NULL OR version = $3) ORDER BY version DESC LIMIT 1`,
    [environmentId, domain, version ?? null],
  );
  return rows[0];
}

/** Names of the environment's domains in order. */
export async function listDomains(db: Queryable, environmentId: number): Promise<string[]> {
  const { rows } = await db.query<{ domain: string }>(
    'SELECT DISTINCT domain FROM domain_schemas WHERE environment_id = $1 ORDER BY domain',
    [environmentId],
  );
  return rows.map(({ domain }) => domain);
}

/**
 * Stores the definition as the next version, unless the newest one says the same.
 * @param definition JSON text
 * @throws AppError unauthorized when the environment is being deleted
 */
export async function putSchema(
  store: Store,
  environmentId: number,
  domain: string,
  definition: string,
): Promise<StoredSchema> {
  return store.transaction(async (tx) => {
    await requireOpenEnvironment(tx, environmentId);
    const newest = await readSchema(tx, environmentId, domain);
    if (newest?.definition === definition) return newest;
    try {
      const { rows } = await tx.query<StoredSchema>(
        `INSERT INTO domain_schemas (environment_id, domain, version, definition) VALUES ($1, $2, $3, $4)
         RETURNING version, definition::text AS definition, created_at AS "createdAt"`,
        [environmentId, domain, (newest?.version ?? 0) + 1, definition],
      );
      return rows[0] as StoredSchema;
    } catch (error) {
      throw violates(error, 'domain_schemas_pkey') ? new LostRaceError() : error;
    }
  });
}
