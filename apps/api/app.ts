/** The API as an Express application. It never listens and reads no environment: everything comes in as arguments. */
import express, { type Express } from 'express';
import { AppError } from '#errors';
import type { Entity } from '#job/entity';
import { UploadMemory } from '#pipeline/upload-memory';
import { createLiveUpserter } from '#pipeline/upsert-now';
import { answerError } from './answer-error';
import { authentication } from './authenticate';
import type { ApiDeps } from './context';
import { dashboard } from './dashboard';
import { gurubaseProfiles } from './dialects/gurubase/profiles';
import { jeanUsers, readInDomain } from './dialects/jean/routes';
import { identify } from './dialects/userpilot/identify';
import { track } from './dialects/userpilot/track';
import { validate } from './dialects/userpilot/validate';
import { environment } from './environment';
import { guardRequests } from './guard-requests';
import { health } from './health';
import { bulkIdentify } from './imports/bulk-identify';
import { controlJob } from './jobs/control-job';
import { listJobsRoute } from './jobs/list-jobs';
import { listWarningsRoute } from './jobs/list-warnings';
import { readJobRoute } from './jobs/read-job';
import { sendResults } from './jobs/send-results';
import { streamEvents } from './jobs/stream-events';
import { metrics } from './metrics';
import { ownDialect } from './own-dialect';
import { PageCursors } from './page-cursors';
import { profiles } from './profiles/profiles';
import { listPropertiesRoute } from './properties/list-properties';
import { reference } from './reference/reference';
import { assignRequestId, logRequests } from './request-log';
import { securityHeaders } from './security-headers';
import { webhooks } from './webhooks/webhooks';

const KINDS: readonly Entity[] = ['user', 'company'];

/** Puts the routes together, open ones first. */
export function createApi(deps: ApiDeps): Express {
  const app = express();
  app
    .disable('etag')
    .disable('x-powered-by')
    .enable('case sensitive routing')
    .set('trust proxy', deps.settings.trustProxy);
  app.locals.address = deps.settings;
  app.use(assignRequestId(), logRequests(deps.logger), securityHeaders(), guardRequests());
  const caller = authentication(deps);
  const upserter = createLiveUpserter(deps.store, deps.settings.maxProfileBytes);
  // First, because they are asked for far more often than all the rest.
  app.use(readJobRoute(deps, ownDialect, caller), identify(deps, upserter, caller));
  app.use(health(deps), metrics(deps, caller), reference(), dashboard());
  app.use(gurubaseProfiles(deps, upserter, caller.required));
  app.use(jeanUsers(deps, caller));
  app.use(caller.required);
  app.use(validate(), track(deps));
  const memory = new UploadMemory();
  const cursors = new PageCursors(deps.store);
  for (const kind of KINDS) {
    const beforeRead = kind === 'user' ? [readInDomain(deps)] : [];
    app.use(bulkIdentify({ ...deps, memory }, ownDialect, kind));
    app.use(profiles(deps, cursors, kind, beforeRead));
  }
  app.use(environment(deps), sendResults(deps, ownDialect));
  app.use(listPropertiesRoute(deps, cursors), listJobsRoute(deps, cursors, ownDialect));
  app.use(listWarningsRoute(deps, cursors, ownDialect), webhooks(deps, cursors));
  app.use(streamEvents(deps, ownDialect), controlJob(deps, ownDialect));
  app.use(() => {
    throw new AppError('not_found');
  });
  app.use(answerError(ownDialect, deps.logger));
  return app;
}
