/** The API as an Express application. It never listens and reads no environment: everything comes in as arguments. */
import express, { type Express } from 'express';
import helmet, { type HelmetOptions } from 'helmet';
import { userpilot } from '#dialect/userpilot/dialect';
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
import { profiles } from './profiles/profiles';
import { listPropertiesRoute } from './properties/list-properties';
import { reference } from './reference/reference';
import { assignRequestId, logRequests } from './request-log';

const KINDS: readonly Entity[] = ['user', 'company'];

/** What is no page loads nothing and is shown nowhere; pages have policies of their own. */
const HELMET: HelmetOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  },
};

/** Puts the routes together, open ones first. */
export function createApi(deps: ApiDeps): Express {
  const app = express();
  app.disable('etag').enable('case sensitive routing').set('trust proxy', deps.settings.trustProxy);
  app.use(assignRequestId(), logRequests(deps.logger), helmet(HELMET), guardRequests());
  const caller = authentication(deps);
  // First, because it is asked for far more often than all the rest.
  app.use(readJobRoute(deps, userpilot, caller));
  app.use(health(deps), metrics(deps, caller), reference(), dashboard());
  const upserter = createLiveUpserter(deps.store, deps.settings.maxProfileBytes);
  app.use(identify(deps, upserter, caller), gurubaseProfiles(deps, upserter, caller.required));
  app.use(jeanUsers(deps, caller));
  app.use(caller.required);
  app.use(validate(), track(deps));
  const memory = new UploadMemory();
  for (const kind of KINDS) {
    app.use(bulkIdentify({ ...deps, memory }, userpilot, kind));
    app.use(profiles(deps, kind, kind === 'user' ? [readInDomain(deps)] : []));
  }
  app.use(environment(deps), listPropertiesRoute(deps), listJobsRoute(deps, userpilot), sendResults(deps));
  app.use(listWarningsRoute(deps));
  app.use(streamEvents(deps, userpilot), controlJob(deps, userpilot));
  app.use(() => {
    throw new AppError('not_found');
  });
  app.use(answerError(userpilot, deps.logger));
  return app;
}
