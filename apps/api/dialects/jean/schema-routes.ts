/** GET and PUT /v1/schema?domain=: what the platform extracts for a domain, as data. */
import type { RequestHandler } from 'express';
import { isDomainName, readDefinition } from '#dialect/jean/schema/definition';
import { writeSchemaVersion } from '#dialect/jean/wire/write-user';
import { AppError } from '#errors';
import { putSchema, readSchema, type StoredSchema } from '#store/domain-schemas';
import { type ApiDeps, callerOf, requestIdOf, requireScope } from '../../context';
import { readQuery } from '../../parameters';
import { readJsonText } from '../../read-json-body';
import { PUT_SCHEMA_PARAMETERS, READ_SCHEMA_PARAMETERS } from './parameters';
import { domainNotFound } from './schema-cache';

export function getSchema({ store }: ApiDeps): RequestHandler {
  return async (req, res) => {
    const { domain, version } = readQuery(req, READ_SCHEMA_PARAMETERS);
    const { environmentId } = callerOf(res);
    const stored = isDomainName(domain)
      ? await readSchema(store.pool, environmentId, domain, version)
      : undefined;
    if (stored === undefined) throw await domainNotFound(store.pool, environmentId);
    res.json(writeSchema(domain, stored));
  };
}

export function putSchemaRoute({ store, logger }: ApiDeps): RequestHandler {
  return async (req, res) => {
    requireScope(res, 'admin');
    const { domain } = readQuery(req, PUT_SCHEMA_PARAMETERS);
    if (!isDomainName(domain)) {
      throw new AppError('invalid_request', {
        details:
          'The domain must be a name of a-z, 0-9, - and _ that begins with a letter, of at most 64 characters.',
        facts: { path: 'domain' },
      });
    }
    const { value } = await readJsonText(req, res);
    const read = readDefinition(value);
    if ('faults' in read) {
      const [first] = read.faults;
      throw new AppError('invalid_request', {
        details: `The schema is wrong at ${first?.path === '' ? 'its top' : first?.path}: ${first?.message}.`,
        facts: { path: first?.path, faults: read.faults },
      });
    }
    const stored = await putSchema(store, callerOf(res).environmentId, domain, JSON.stringify(value));
    logger.info({ request_id: requestIdOf(res), version: stored.version }, 'schema stored');
    res.json(writeSchema(domain, stored));
  };
}

function writeSchema(domain: string, { version, definition, createdAt }: StoredSchema): object {
  return {
    domain,
    schema_version: writeSchemaVersion(domain, version),
    created_at: createdAt,
    ...(JSON.parse(definition) as object),
  };
}
