/**
 * The log, on standard error, so that standard output stays for what a command prints: a JSON object a line for programs, or
 * a line of text for people. All lines about an import have its `job_id`, those of the request that made it its `request_id`.
 * No personal data: ids of jobs, requests and environments, codes and counts only. An error is logged by its name,
 * its code and its stack's places; its message is left out, because PostgreSQL's and parsers' messages quote values.
 */
import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';
import { AppError } from './errors';

export type { Logger };

export type LogFormat = 'pretty' | 'json';

const STANDARD_ERROR = 2;

/**
 * Opens the log of a process.
 * @param name of the process, in every line: api, worker, standalone
 * @param format default: pretty on a terminal, else json
 */
export function createLogger(
  name: string,
  level: string,
  format: LogFormat = process.stderr.isTTY ? 'pretty' : 'json',
): Logger {
  const options = { level, base: { process: name }, serializers: { err: describeError }, errorKey: 'err' };
  const destination =
    format === 'pretty' ? prettyLog() : pino.destination({ dest: STANDARD_ERROR, sync: true });
  return pino(options, destination);
}

/** `14:02:03 import accepted {"job_id": ...}`: the time of the clock on the wall, the level only when something is wrong. */
function prettyLog() {
  return pretty({
    destination: STANDARD_ERROR,
    sync: true,
    colorize: process.stderr.isTTY === true,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,hostname,process,level',
    messageFormat: (log, messageKey) => {
      const level = Number(log.level);
      const alarm = level >= 50 ? 'ERROR ' : level >= 40 ? 'WARNING ' : '';
      return `${alarm}${String(log[messageKey])}`;
    },
    singleLine: true,
  });
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
