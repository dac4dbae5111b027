/**
 * The log: JSON lines on standard error, so that standard output stays for what a command prints.
 * No personal data: ids of jobs, requests and environments, codes and counts only. An error is logged by its name,
 * its code and its stack's places; its message is left out, because PostgreSQL's and parsers' messages quote values.
 */
import pino, { type Logger } from 'pino';
import { AppError } from './errors';

export type { Logger };

/** Opens the log of a process. @param process its name in every line: api, worker, standalone. */
export function createLogger(process: string, level: string): Logger {
  return pino(
    { level, base: { process }, serializers: { err: describeError }, errorKey: 'err' },
    pino.destination({ dest: 2, sync: true }),
  );
}

/** What of an error may be logged. */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: typeof error };
  const { code, severity, table, constraint } = error as Error & Record<string, unknown>;
  return {
    name: error.name,
    code,
    severity,
    table,
    constraint,
    sentence: error instanceof AppError ? error.message : undefined,
    // The places only: the first lines of a stack repeat the message.
    stack: error.stack
      ?.split('\n')
      .filter((line) => /^\s+at /.test(line))
      .map((line) => line.trim()),
    cause: error.cause === undefined ? undefined : describeError(error.cause),
  };
}
