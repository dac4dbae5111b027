/** POST /v1/users/bulk_identify and /v1/companies/bulk_identify: an import is taken in and answered with its job. */
import { randomUUID } from 'node:crypto';
import { type Request, type Response, Router } from 'express';
import type { Dialect } from '#dialect/dialect';
import { AppError } from '#errors';
import { ENTITIES, type Entity } from '#job/entity';
import type { Job } from '#job/job';
import { claimRequest, type KnownRequest, type RequestClaim } from '#pipeline/claim-request';
import type { ImportRequest } from '#pipeline/import-request';
import { receive } from '#pipeline/receive';
import { digestRequest } from '#pipeline/request-digest';
import { showResponse } from '#pipeline/scrub-names';
import { requireRoom } from '#pipeline/slot';
import { stage } from '#pipeline/stage';
import { requireStorage } from '#pipeline/storage-quota';
import type { UploadMemory } from '#pipeline/upload-memory';
import { findInvalidKeys } from '#store/api-keys';
import { type ApiDeps, callerOf, jobContextOf, requestIdOf, requireScope } from '../context';
import { methodNotAllowed } from '../method-not-allowed';
import { readHeader, readQuery } from '../parameters';
import { publicBaseOf } from '../public-address';
import { fileOptionsOf, IDEMPOTENCY_KEY, IMPORT_PARAMETERS } from './parameters';
import { readUpload } from './read-upload';

/** What taking an import in needs; the memory of all uploads of the process is shared by both kinds. */
export type ImportDeps = ApiDeps & { memory: UploadMemory };

export function bulkIdentify(deps: ImportDeps, dialect: Dialect, entity: Entity): Router {
  const router = Router({ caseSensitive: true });
  router
    .route(`/v1/${ENTITIES[entity].collection}/bulk_identify`)
    .post(async (req, res) => {
      requireScope(res, 'import');
      const request = readRequest(req, res, entity);
      const key = readHeader(req, 'Idempotency-Key', IDEMPOTENCY_KEY);
      const jobId = randomUUID();
      if (key === undefined) return takeIn(req, res, deps, dialect, request, jobId);
      const { environmentId } = request.owner;
      const processLock = deps.processLock?.number;
      const found = await claimRequest({ environmentId, key, jobId, processLock }, deps);
      if ('known' in found) return replay(req, res, deps, request, found.known);
      try {
        await takeIn(req, res, deps, dialect, request, jobId, found.claim);
      } catch (error) {
        await found.claim.release();
        throw error;
      } finally {
        found.claim.end();
      }
    })
    .all(methodNotAllowed('POST'));
  return router;
}

function readRequest(req: Request, res: Response, entity: Entity): ImportRequest {
  const query = readQuery(req, IMPORT_PARAMETERS);
  return {
    owner: callerOf(res),
    entity,
    requestId: requestIdOf(res),
    dryRun: query.dry_run,
    metadataMode: query.metadata,
    existingMode: query.existing,
    nested: query.nested,
    file: fileOptionsOf(query),
    onBusy: query.on_busy,
  };
}

/** Stages the rows as they come, makes the job of them and answers with it. */
async function takeIn(
  req: Request,
  res: Response,
  deps: ImportDeps,
  dialect: Dialect,
  request: ImportRequest,
  jobId: string,
  claim?: RequestClaim,
): Promise<void> {
  const { store, settings, memory } = deps;
  const { environmentId } = request.owner;
  await requireRoom(store.pool, request);
  await requireStorage(store.pool, { environmentId, maxStoredBytes: settings.maxStoredBytes });
  const { content: upload, ...file } = await readUpload(
    req,
    res,
    request,
    { maxBytes: settings.maxBytes, memory },
    (body, cutter) =>
      stage(body, { ...settings, store, memory, jobId, request, cutter, withDigest: claim !== undefined }),
  );
  const describe = (job: Job) =>
    JSON.stringify(dialect.writeJob(job, jobContextOf(req, res, job.submittedAt)));
  const job = await receive(upload, file, deps, async (tx, made) => {
    // It may have taken minutes: what the key opened then, it may not open any more.
    if ((await findInvalidKeys(tx, [callerOf(res).keyId])).length > 0) throw new AppError('unauthorized');
    await claim?.settle(tx, upload.digest, describe(made));
  });
  answerAccepted(res, job.id, describe(job));
}

/**
 * The same request again: it is read to see that it is the same, and gets the same answer.
 * @throws AppError idempotency_key_reused
 */
async function replay(
  req: Request,
  res: Response,
  { settings, store, memory }: ImportDeps,
  request: ImportRequest,
  known: KnownRequest,
): Promise<void> {
  const { maxBytes } = settings;
  const { content, mapping } = await readUpload(req, res, request, { maxBytes, memory }, async (body) => ({
    digest: await digestRequest(body, request, maxBytes),
    discard: async () => {},
  }));
  content.digest.addMapping(mapping);
  if (!content.digest.value.equals(known.requestHash)) throw new AppError('idempotency_key_reused');
  res.set('Idempotent-Replayed', 'true');
  answerAccepted(res, known.jobId, await showResponse(store.pool, request.owner.environmentId, known));
}

function answerAccepted(res: Response, jobId: string, body: string): void {
  res
    .status(202)
    // As Userpilot's, and not kept anywhere either.
    .set('Cache-Control', 'max-age=0, private, must-revalidate, no-store')
    .location(`${publicBaseOf(res.req)}/v1/background_jobs/${jobId}`)
    .type('json')
    .send(body);
}
