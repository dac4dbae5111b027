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
import { createJsonArrayCutter } from '#pipeline/cut/json-array';
import type { LiveUpserter } from '#pipeline/upsert-now';
import { answerError } from '../../answer-error';
import { askForBody } from '../../ask-for-body';
import { type ApiDeps, callerOf, requireScope } from '../../context';
import { limitCalls } from '../../limit-calls';
import { methodNotAllowed } from '../../method-not-allowed';
import { NO_PARAMETERS, readQuery } from '../../parameters';
import { requireEnvironment } from '../../require-environment';
import { Spool } from './spool';

const ENVELOPE = { envelope: 'users', missing: 'missing_users' } as const;

/** Elements that are applied at a stretch. */
const STRETCH = 500;
/** Longer than an element with the largest memory, its numbers and white space written out at length. */
const MAX_ELEMENT_BYTES = 4 * 1024 * 1024;

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
      limitCalls(deps.store.pool, deps.settings.identifyPerMinute),
      async (req: Request<{ guruSlug: string }>, res: Response) => {
        readQuery(req, NO_PARAMETERS);
        await requireEnvironment(deps, res, req.params.guruSlug);
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
    const stretch: Element[] = [];
    const cutter = createJsonArrayCutter(ENVELOPE);
    const apply = async (count: number) => {
      const elements = stretch.splice(0, count);
      results.push(...(await Promise.all(elements.map((element) => upsertProfile(element, res, upserter)))));
    };
    const add = (raw: Buffer) => stretch.push(raw);
    for await (const chunk of spool.read()) {
      cutter.push(chunk, add, (piece) => stretch.push(lengthen(stretch.pop(), piece)));
      // The last one may go on.
      if (stretch.length > STRETCH) await apply(stretch.length - 1);
    }
    await apply(stretch.length);
    return results;
  } finally {
    await spool.close();
  }
}

/** An element of `users` as it came, or that it is too long to be held. */
type Element = Buffer | 'too long';

function lengthen(element: Element | undefined, piece: Buffer): Element {
  if (!Buffer.isBuffer(element) || element.length + piece.length > MAX_ELEMENT_BYTES) return 'too long';
  return Buffer.concat([element, piece]);
}

/** Nothing of an element is needed to count it. */
const ignoreTail = () => {};

/** Reads the body to its end and checks its syntax and its size. */
async function takeIn(
  req: Request,
  res: Response,
  spool: Spool,
  { settings: { maxBytes, maxRows } }: ApiDeps,
): Promise<void> {
  askForBody(req, res, maxBytes);
  const cutter = createJsonArrayCutter(ENVELOPE);
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
    cutter.push(chunk, count, ignoreTail);
    await spool.add(chunk);
  }
  cutter.end(count, ignoreTail);
}

async function upsertProfile(raw: Element, res: Response, upserter: LiveUpserter): Promise<ProfileResult> {
  if (raw === 'too long') return { id: null, errors: ['The memory is larger than 1 MiB'] };
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
