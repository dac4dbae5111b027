/** Looking at jobs: GET /v1/background_jobs and GET /v1/background_jobs/{job_id}. */
import { Router } from 'express';
import { z } from 'zod';
import type { Dialect } from '#dialect/dialect';
import { readJobId } from '#dialect/userpilot/read-job-id';
import { AppError } from '#errors';
import { ENTITIES, type Entity } from '#job/entity';
import { etaSeconds } from '#job/job';
import { isFinal, type JobStatus, STATUSES } from '#job/lifecycle';
import { listJobs, readJob } from '#store/jobs';
import { type ApiDeps, baseUrlOf, callerOf, jobContextOf } from './context';
import { methodNotAllowed } from './method-not-allowed';
import { cursor, limit, nextLink, readQuery, writeCursor } from './parameters';

const MAX_POLL_HINT_SECONDS = 10;

const LIST_PARAMETERS = {
  limit: limit(100, 20),
  status: z.enum(STATUSES).exclude(['canceled']).optional(),
  type: z
    .enum(Object.values(ENTITIES).map((traits) => traits.jobType))
    .transform((type) => entityOf(type))
    .optional(),
  cursor: cursor(z.object({ at: z.iso.datetime().transform((text) => new Date(text)), id: z.uuid() })),
};

/** On this wire a canceled job is shown as failed. */
function shownAs(status: JobStatus): JobStatus[] {
  return status === 'failed' ? ['failed', 'canceled'] : [status];
}

function entityOf(jobType: string): Entity | undefined {
  return (Object.keys(ENTITIES) as Entity[]).find((entity) => ENTITIES[entity].jobType === jobType);
}

export function backgroundJobs({ store }: ApiDeps, dialect: Dialect): Router {
  const router = Router();

  router
    .route('/v1/background_jobs')
    .get(async (req, res) => {
      const { limit, status, type, cursor } = readQuery(req, LIST_PARAMETERS);
      const jobs = await listJobs(store.pool, callerOf(res).environmentId, {
        limit: limit + 1,
        statuses: status && shownAs(status),
        entity: type,
        before: cursor && { submittedAt: cursor.at, id: cursor.id },
      });
      const page = jobs.slice(0, limit);
      const last = page.at(-1);
      if (jobs.length > limit && last !== undefined) {
        res.set('Link', nextLink(req, baseUrlOf(req), writeCursor({ at: last.submittedAt, id: last.id })));
      }
      res.json(page.map((job) => dialect.writeJob(job, jobContextOf(req, res, job.now))));
    })
    .all(methodNotAllowed('GET, HEAD'));

  router
    .route('/v1/background_jobs/:jobId')
    .get(async (req, res) => {
      readQuery(req, {});
      const caller = callerOf(res);
      const id = readJobId(req.params.jobId, caller.slug);
      const job = id === undefined ? undefined : await readJob(store.pool, caller.environmentId, id);
      if (job === undefined) throw new AppError('job_not_found');
      if (!isFinal(job.status)) {
        const seconds = etaSeconds(job, caller.usersPerMinute, job.now);
        res.set('Retry-After', String(Math.min(seconds, MAX_POLL_HINT_SECONDS)));
      }
      res.json(dialect.writeJob(job, jobContextOf(req, res, job.now)));
    })
    .all(methodNotAllowed('GET, HEAD'));

  return router;
}
