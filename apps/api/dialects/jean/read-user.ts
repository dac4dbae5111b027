/** GET /v1/users/{user_id}?domain=: a user in a domain, and where each value comes from when it is asked for. */
import type { Request, RequestHandler, Response } from 'express';
import { writeSchemaVersion, writeUser } from '#dialect/jean/wire/write-user';
import { AppError } from '#errors';
import { listEmbeddings, listUserDomains, readContexts, readDomainUser } from '#store/domain-users';
import { type ApiDeps, callerOf } from '../../context';
import { NO_PARAMETERS, readQuery, storableText } from '../../parameters';
import { READ_USER_PARAMETERS } from './parameters';
import type { SchemaCache } from './schema-cache';
import { toRow } from './stored-row';

/** @throws AppError domain_not_found, user_not_found, invalid_parameter */
export async function readDomainUserAnswer(
  req: Request,
  res: Response,
  { store }: ApiDeps,
  schemas: SchemaCache,
): Promise<string> {
  const { domain, explain } = readQuery(req, READ_USER_PARAMETERS);
  const { environmentId } = callerOf(res);
  const { schema } = await schemas.find(store.pool, environmentId, domain);
  const id = storableText.safeParse(req.params.id);
  const key = { environmentId, userId: id.data ?? '', domain };
  const user = id.success ? await readDomainUser(store.pool, key) : undefined;
  if (user === undefined) {
    throw new AppError('user_not_found', { details: 'Nobody of this id is in the domain.' });
  }
  const contexts = explain ? await readContexts(store.pool, key) : undefined;
  return writeUser({
    ...key,
    schemaVersion: user.schemaVersion,
    definition: schema.definition,
    ...toRow(user),
    memoryRef: user.memoryRef,
    embeddings: await listEmbeddings(store.pool, environmentId, key.userId),
    lastEnrichedAt: user.lastEnrichedAt,
    ...(contexts && { contexts: new Map(contexts.map(({ id: context, ...rest }) => [context, rest])) }),
  });
}

/** GET /v1/users/{user_id}/domains: the domains that the user is in. */
export function listDomainsOfUser({ store }: ApiDeps): RequestHandler {
  return async (req, res) => {
    readQuery(req, NO_PARAMETERS);
    const { environmentId } = callerOf(res);
    const id = storableText.safeParse(req.params.id);
    const domains = id.success ? await listUserDomains(store.pool, environmentId, id.data) : [];
    res.json(
      domains.map(({ domain, schemaVersion, lastEnrichedAt }) => ({
        domain,
        schema_version: writeSchemaVersion(domain, schemaVersion),
        last_enriched_at: lastEnrichedAt,
      })),
    );
  };
}
