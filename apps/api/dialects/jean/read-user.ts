/** GET /v1/users/{user_id}?domain=: a user in a domain, and where each value comes from when it is asked for. */
import type { Request, Response } from 'express';
import { writeUser } from '#dialect/jean/wire/write-user';
import { AppError } from '#errors';
import { listEmbeddings, readContexts, readDomainUser } from '#store/domain-users';
import { type ApiDeps, callerOf } from '../../context';
import { readQuery, storableText } from '../../parameters';
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
