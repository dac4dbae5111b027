/** Schemas of domains, compiled. A version never changes, so it is read and compiled once. */
import { type CompiledSchema, compile } from '#dialect/jean/extract/compile';
import { isDomainName, readDefinition } from '#dialect/jean/schema/definition';
import { AppError } from '#errors';
import type { Queryable } from '#store/client';
import { findSchemaVersion, listDomains, readSchema } from '#store/domain-schemas';

/** Most versions that are kept compiled. */
const MAX_KEPT = 100;

export interface DomainSchema {
  version: number;
  schema: CompiledSchema;
}

export interface SchemaCache {
  /** The newest schema of the domain. @throws AppError domain_not_found, which says which domains there are */
  find(db: Queryable, environmentId: number, domain: string): Promise<DomainSchema>;
}

export function createSchemaCache(): SchemaCache {
  const kept = new Map<string, DomainSchema>();
  return {
    async find(db, environmentId, domain) {
      const version = isDomainName(domain) ? await findSchemaVersion(db, environmentId, domain) : undefined;
      if (version === undefined) throw await domainNotFound(db, environmentId);
      // An environment that was deleted gives its number to no other one.
      const key = `${environmentId} ${domain} ${version}`;
      const known = kept.get(key);
      if (known !== undefined) return known;
      const stored = await readSchema(db, environmentId, domain, version);
      const read = stored === undefined ? undefined : readDefinition(JSON.parse(stored.definition));
      if (read === undefined || 'faults' in read) throw new Error(`schema version ${version} cannot be read`);
      const found = { version, schema: compile(read.definition) };
      if (kept.size >= MAX_KEPT) kept.delete(kept.keys().next().value ?? '');
      kept.set(key, found);
      return found;
    },
  };
}

/** Says which domains there are. */
export async function domainNotFound(db: Queryable, environmentId: number): Promise<AppError> {
  const domains = await listDomains(db, environmentId);
  return new AppError('domain_not_found', {
    details:
      domains.length === 0
        ? 'No domain has a schema yet: PUT /v1/schema?domain=NAME installs one.'
        : `Domains: ${domains.join(', ')}.`,
    facts: { domains },
  });
}
