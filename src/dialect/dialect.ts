/**
 * A dialect is one vendor's wire: how a job and an error look to its clients. Pure functions; a dialect never knows
 * another one, the database or HTTP.
 */
import type { AppError } from '#errors';
import type { Job } from '#job/job';

/** What a job's picture needs besides the job. */
export interface JobContext {
  /** Where the client reaches the API, path prefix included, such as `http://127.0.0.1:3000`. */
  baseUrl: string;
  /** Throttle of the job's environment; 0 = unthrottled. */
  usersPerMinute: number;
  /** Now, by the database's clock. */
  now: Date;
}

/** How a vendor words what went wrong. */
export interface ErrorDialect {
  readonly name: string;
  /** The body of an error answer. @param base what the address of an explanation begins with: a URL, a path or nothing */
  writeError(error: AppError, requestId: string, base?: string): object;
}

/** The wire of a vendor that has jobs. */
export interface Dialect extends ErrorDialect {
  /** The job object. */
  writeJob(job: Job, context: JobContext): object;
}
