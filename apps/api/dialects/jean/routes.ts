/**
 * Jean Technologies' calls: users of a domain from free text and typed fields, and the schemas of the domains. A user_id is
 * the same user in every dialect; GET /v1/users/{user_id} without a domain stays Userpilot's.
 */
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { jean } from '#dialect/jean/dialect';
import { readBody } from '#dialect/jean/wire/read-body';
import { writeUser } from '#dialect/jean/wire/write-user';
import { AppError } from '#errors';
import { answerError } from '../../answer-error';
import type { Authentication } from '../../authenticate';
import { type ApiDeps, callerOf, requireScope } from '../../context';
import { limitCalls } from '../../limit-calls';
import { methodNotAllowed } from '../../method-not-allowed';
import { NO_PARAMETERS, readQuery } from '../../parameters';
import { readJsonText } from '../../read-json-body';
import { enrichUser } from './enrich-user';
import { listDomainsOfUser, readDomainUserAnswer } from './read-user';
import { createSchemaCache } from './schema-cache';
import { getSchema, putSchemaRoute } from './schema-routes';
import { withProvidedHead } from './vectors/provided-head';
import { similarUsers } from './vectors/similar';

export function jeanUsers(deps: ApiDeps, caller: Authentication): Router {
  const router = Router({ caseSensitive: true });
  const schemas = createSchemaCache();
  const limit = limitCalls(deps.store.pool, deps.settings.identifyPerMinute);
  const enrich = (mode: 'replace' | 'append') => async (req: Request, res: Response) => {
    readQuery(req, NO_PARAMETERS);
    requireScope(res, 'import');
    const { text, value } = await readJsonText(req, res);
    const body = readBody(mode === 'replace' ? 'upsert' : 'append', text, value);
    const user = await enrichUser({ ...deps, schemas }, callerOf(res), mode, body).catch(
      async (error: unknown) => {
        if (error instanceof AppError && error.code === 'unauthorized') await caller.prove(req, res);
        throw error;
      },
    );
    res.type('json').send(writeUser(await withProvidedHead(deps, user)));
  };
  // The statement that writes proves the key. Other methods of this address are Userpilot's.
  router.route('/v1/users').post(caller.recent, limit, enrich('replace'));
  router
    .route('/v1/context')
    .post(caller.recent, limit, enrich('append'))
    .all(caller.required, methodNotAllowed('POST'));
  router
    .route('/v1/schema')
    .all(caller.required)
    .get(getSchema(deps))
    .put(putSchemaRoute(deps))
    .all(methodNotAllowed('GET, HEAD, PUT'));
  router
    .route('/v1/users/:id/domains')
    .all(caller.required)
    .get(listDomainsOfUser(deps))
    .all(methodNotAllowed('GET, HEAD'));
  router
    .route('/v1/users/:id/similar')
    .all(caller.required)
    .get(similarUsers(deps, schemas))
    .all(methodNotAllowed('GET, HEAD'));
  router.use(answerError(jean, deps.logger));
  return router;
}

/** Answers GET /v1/users/{user_id} when the query names a domain; leaves it to who comes next otherwise. */
export function readInDomain(deps: ApiDeps): RequestHandler {
  const schemas = createSchemaCache();
  const answer = answerError(jean, deps.logger);
  return async (req, res, next) => {
    if (req.query.domain === undefined && req.query.explain === undefined) return next();
    try {
      res.type('json').send(await readDomainUserAnswer(req, res, deps, schemas));
    } catch (error) {
      answer(error, req, res, next);
    }
  };
}
