/**
 * Reading users and companies back: one by id, or all, page by page or as one NDJSON stream. The metadata goes from the
 * table to the answer as text, so that every digit stays.
 */
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { AppError } from '#errors';
import { ENTITIES, type Entity } from '#job/entity';
import { countLimitHit } from '#metrics';
import { eraseProfiles } from '#pipeline/erase';
import { listProfiles, type Profile, type ProfileFilter, readProfile, searchProfiles } from '#store/profiles';
import { type ApiDeps, callerOf, requestIdOf, requireScope } from '../context';
import { methodNotAllowed } from '../method-not-allowed';
import type { CursorScope, PageCursors } from '../page-cursors';
import { NO_PARAMETERS, nextLink, readQuery, storableText } from '../parameters';
import { readJsonBody } from '../read-json-body';
import { writePart } from '../write-part';
import { deleteBody, LIST_COMPANIES_PARAMETERS, LIST_USERS_PARAMETERS } from './parameters';

/** Rows and bytes of metadata that a stream has in memory. */
const STREAM_PAGE = { limit: 500, bytes: 1024 * 1024 };
/** Bytes of metadata after which a page ends, whatever limit it was asked for with. */
const PAGE_BYTES = 4 * 1024 * 1024;

/** @param beforeRead handlers that may answer the reading of one by id instead */
export function profiles(
  deps: ApiDeps,
  cursors: PageCursors,
  entity: Entity,
  beforeRead: readonly RequestHandler[] = [],
): Router {
  const { collection } = ENTITIES[entity];
  const notFound = entity === 'user' ? 'user_not_found' : 'company_not_found';
  const router = Router({ caseSensitive: true });

  router
    .route(`/v1/${collection}`)
    .get((req, res) => listPage(req, res, { ...deps, cursors }, entity))
    .delete((req, res) => erase(req, res, deps, entity))
    .all(methodNotAllowed(entity === 'user' ? 'GET, HEAD, POST, DELETE' : 'GET, HEAD, DELETE'));

  router
    .route(`/v1/${collection}/:id`)
    .get(...beforeRead, async (req: Request<{ id: string }>, res: Response) => {
      readQuery(req, NO_PARAMETERS);
      const id = storableText.safeParse(req.params.id);
      const { environmentId } = callerOf(res);
      const profile = id.success
        ? await readProfile(deps.store.pool, environmentId, entity, id.data)
        : undefined;
      if (profile === undefined) throw new AppError(notFound);
      res.type('json').send(writeProfile(profile, entity));
    })
    .all(methodNotAllowed('GET, HEAD'));

  return router;
}

/** `{"users": ["id", ...]}`, as Userpilot's delete. Answers how many were stored; they are gone by then. */
async function erase(req: Request, res: Response, { store, logger }: ApiDeps, entity: Entity): Promise<void> {
  requireScope(res, 'admin');
  readQuery(req, NO_PARAMETERS);
  const { collection, missingCode } = ENTITIES[entity];
  const { [collection]: ids = [] } = await readJsonBody(req, res, deleteBody(entity), missingCode);
  const count = await eraseProfiles(store, callerOf(res).environmentId, entity, ids);
  logger.info({ request_id: requestIdOf(res), count }, `${collection} erased`);
  res.status(202).json({ count, message: deletedMessage(entity, count) });
}

function deletedMessage(entity: Entity, count: number): string {
  return count === 1 ? `1 ${entity} was deleted.` : `${count} ${ENTITIES[entity].collection} were deleted.`;
}

async function listPage(
  req: Request,
  res: Response,
  { store, longAnswers, cursors }: ApiDeps & { cursors: PageCursors },
  entity: Entity,
): Promise<void> {
  const isUser = entity === 'user';
  const query: ReturnType<typeof readQuery<typeof LIST_USERS_PARAMETERS>> = isUser
    ? readQuery(req, LIST_USERS_PARAMETERS)
    : readQuery(req, LIST_COMPANIES_PARAMETERS);
  const { environmentId } = callerOf(res);
  const filters = {
    company_id: query.company_id,
    user_id: isUser ? query.user_id : undefined,
    q: query.q,
  };
  const scope: CursorScope = { list: ENTITIES[entity].collection, environmentId, filters };
  const filter: ProfileFilter = {
    id: isUser ? query.user_id : query.company_id,
    companyId: isUser ? query.company_id : undefined,
    search: query.q,
    after: await cursors.open(scope, storableText, query.cursor),
    limit: query.limit,
    bytes: PAGE_BYTES,
  };
  const read = (some: ProfileFilter) =>
    some.search === undefined
      ? listProfiles(store.pool, environmentId, entity, some)
      : searchProfiles(store, environmentId, entity, some);
  res.vary('Accept');
  if (req.accepts(['application/json', 'application/x-ndjson']) === 'application/x-ndjson') {
    longAnswers.add('streams_per_key', callerOf(res).keyId, res);
    return streamAll(res, entity, filter.after, (after) => read({ ...filter, ...STREAM_PAGE, after }));
  }
  const { profiles: page, hasMore } = await read(filter);
  const last = page.at(-1);
  if (hasMore && last !== undefined) {
    if (page.length < query.limit) countLimitHit('page_bytes');
    res.set('Link', nextLink(req, await cursors.seal(scope, last.id)));
  }
  res.type('json').send(`[${page.map((profile) => writeProfile(profile, entity)).join(',')}]`);
}

/** The whole set, one object a line, a page of rows in memory at a time. */
async function streamAll(
  res: Response,
  entity: Entity,
  start: string | undefined,
  readPage: (after: string | undefined) => Promise<{ profiles: Profile[]; hasMore: boolean }>,
): Promise<void> {
  res.type('application/x-ndjson');
  for (let after = start; ; ) {
    const { profiles: page, hasMore } = await readPage(after);
    if (!(await writePart(res, page.map((profile) => `${writeProfile(profile, entity)}\n`).join('')))) return;
    if (!hasMore) break;
    after = page.at(-1)?.id;
  }
  res.end();
}

function writeProfile(profile: Profile, entity: Entity): string {
  const { idKey, belongsToCompany } = ENTITIES[entity];
  const members = [
    `"${idKey}":${JSON.stringify(profile.id)}`,
    ...(belongsToCompany ? [`"company_id":${JSON.stringify(profile.companyId)}`] : []),
    `"metadata":${profile.metadata}`,
    `"created_at":${JSON.stringify(profile.createdAt)}`,
    `"updated_at":${JSON.stringify(profile.updatedAt)}`,
    `"last_job_id":${JSON.stringify(profile.lastJobId)}`,
    ...(profile.memory == null ? [] : [`"memory":${profile.memory}`]),
  ];
  return `{${members.join(',')}}`;
}
