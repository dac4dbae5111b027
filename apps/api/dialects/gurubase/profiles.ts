/**
 * POST /api/v1/{guru_slug}/profiles: Gurubase's upsert of profiles, within the request. The slug is the environment's; an
 * external_user_id is a user_id, so that its user is the same in every dialect.
 */
import { isUtf8 } from 'node:buffer';
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { gurubase } from '#dialect/gurubase/dialect';
import { readProfile } from '#dialect/gurubase/read-profile';
import { type ProfileResult, writeResults } from '#dialect/gurubase/write-answer';
import { AppError } from '#errors';
import { ENTITIES } from '#job/entity';
import { createCutter } from '#pipeline/cut/create-cutter';
import type { LiveUpserter } from '#pipeline/upsert-now';
import { findEnvironmentId } from '#store/api-keys';
import { answerError } from '../../answer-error';
import { type ApiDeps, callerOf, requireScope } from '../../context';
import { limitCalls } from '../../limit-calls';
import { methodNotAllowed } from '../../method-not-allowed';
import { NO_PARAMETERS, readQuery } from '../../parameters';
import { Spool } from './spool';

/** Elements that are applied at a stretch. */
const STRETCH = 500;
/** Longest slug that an answer repeats. */
const SHOWN_SLUG = /^[A-Za-z0-9_-]{1,64}$/;

export function gurubaseProfiles(
  deps: ApiDeps,
  upserter: LiveUpserter,
  authenticate: RequestHandler,
): Router {
  const router = Router({ caseSensitive: true });
  const path = '/api/v1/:guruSlug/profiles';
  router
    .route(path)
    .all(authenticate)
    .post(
      limitCalls(deps.settings.identifyPerMinute),
      async (req: Request<{ guruSlug: string }>, res: Response) => {
        readQuery(req, NO_PARAMETERS);
        await requireGuru(deps, res, req.params.guruSlug);
        requireScope(res, 'import');
        if (!req.is('application/json')) throw new AppError('unsupported_media_type');
        const { status, body } = writeResults(await upsertProfiles(req, res, deps, upserter));
        res.status(status).json(body);
      },
    )
    .all(methodNotAllowed('POST'));
  router.use(path, answerError(gurubase, deps.logger));
  return router;
}

/** @throws AppError environment_not_found; forbidden when it is another environment's */
async function requireGuru({ store }: ApiDeps, res: Response, slug: string): Promise<void> {
  if (slug === callerOf(res).slug) return;
  if ((await findEnvironmentId(store, slug)) !== undefined) throw new AppError('forbidden');
  const shown = SHOWN_SLUG.test(slug) ? `${slug} ` : '';
  throw new AppError('environment_not_found', { details: `Guru type ${shown}not found` });
}

/**
 * Nothing is stored of a body that is not valid as a whole. Elements of one id are applied in their order.
 * @returns what became of each element, in their order
 */
async function upsertProfiles(
  req: Request,
  res: Response,
  deps: ApiDeps,
  upserter: LiveUpserter,
): Promise<ProfileResult[]> {
  const spool = new Spool();
  try {
    await takeIn(req, res, spool, deps);
    const results: ProfileResult[] = [];
    let stretch: Buffer[] = [];
    const cutter = createCutter('json', ENTITIES.user);
    const apply = async (least: number) => {
      if (stretch.length < least) return;
      results.push(...(await Promise.all(stretch.map((raw) => upsertProfile(raw, res, upserter)))));
      stretch = [];
    };
    for await (const chunk of spool.read()) {
      cutter.push(chunk, (raw) => stretch.push(raw));
      await apply(STRETCH);
    }
    await apply(1);
    return results;
  } finally {
    await spool.close();
  }
}

/** Reads the body to its end and checks its syntax and its size. */
async function takeIn(
  req: Request,
  res: Response,
  spool: Spool,
  { settings: { maxBytes, maxRows } }: ApiDeps,
): Promise<void> {
  if (req.headers.expect !== undefined) res.writeContinue();
  const cutter = createCutter('json', ENTITIES.user);
  let bytes = 0;
  let users = 0;
  const count = () => {
    users++;
    if (users > maxRows) throw new AppError('too_many_rows', { details: `The limit is ${maxRows} users.` });
  };
  for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes)
      throw new AppError('payload_too_large', { details: `The limit is ${maxBytes} bytes.` });
    cutter.push(chunk, count);
    await spool.add(chunk);
  }
  cutter.end(count);
}

async function upsertProfile(raw: Buffer, res: Response, upserter: LiveUpserter): Promise<ProfileResult> {
  if (!isUtf8(raw)) return { id: null, errors: ['The user is not valid UTF-8'] };
  const { id, memory, errors } = readProfile(raw.toString('utf8'));
  if (errors.length > 0 || id === null) return { id, errors };
  const { environmentId, keyId } = callerOf(res);
  try {
    const row = { environmentId, keyId, id, companyId: undefined, metadata: '{}', memory };
    await upserter.upsert({ user: row });
    return { id, errors: [] };
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'row_refused')) throw error;
    return { id, errors: ['The memory has a value that cannot be stored'] };
  }
}
