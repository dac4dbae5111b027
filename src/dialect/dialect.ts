/**
 * A dialect is one vendor's wire: how a job and an error look to its clients. Pure functions; a dialect never knows
 * another one, the database or HTTP.
 */
import type { AppError } from '#errors';
import type { Job } from '#job/job';
import type { JobStatus } from '#job/lifecycle';

/** What a job's picture needs besides the job. */
export interface JobContext {
  /** Scheme and host that the client used, such as `http://127.0.0.1:3000`. */
  baseUrl: string;
  /** Throttle of the job's environment; 0 = unthrottled. */
  usersPerMinute: number;
  /** Now, by the database's clock. */
  now: Date;
}

/** How a vendor words what went wrong. */
export interface ErrorDialect {
  readonly name: string;
  /** The body of an error answer. */
  writeError(error: AppError, requestId: string): object;
}

/** The wire of a vendor that has jobs. */
export interface Dialect extends ErrorDialect {
  /** The states that the vendor knows. */
  readonly statuses: readonly JobStatus[];
  /** The states of Muster that the wire calls so. */
  readStatus(shown: JobStatus): JobStatus[];
  /**
   * The uuid of a job id in a path.
   * @param environment slug of the caller's environment
   * @returns undefined when it is no job id, or one of another environment
   */
  readJobId(text: string, environment: string): string | undefined;
  /** The job object. */
  writeJob(job: Job, context: JobContext): object;
}
