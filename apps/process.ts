/**
 * What every process has in common: settings are read, the service starts, SIGTERM or SIGINT closes it in order.
 * A start that cannot succeed ends with one sentence on standard error and exit code 1, never with a stack.
 */
import { once } from 'node:events';
import { createLogger, type Logger } from '#logger';
import { countByEnvironment } from '#metrics';
import { readSettings, type Settings } from '#settings/settings';

/** A process that is asked to end gets this long; whatever then still runs is done again by another process. */
const CLOSE_TIMEOUT_MS = 9_000;

export interface Service {
  /** Ends in order: nothing new is taken, what is in work is finished. */
  close(): Promise<void>;
}

/**
 * Runs a process from start to end.
 * @param name of the process in the log
 * @param start opens the service; its error is the process's last sentence. The signal says that it is asked to end.
 */
export async function runProcess(
  name: string,
  start: (settings: Settings, logger: Logger, asked: AbortSignal) => Promise<Service>,
): Promise<void> {
  try {
    const settings = readSettings();
    const logger = createLogger(name, settings.logLevel, settings.logFormat);
    if (settings.metricsEnvironments) countByEnvironment();
    // What Node itself would print of an error quotes values.
    const crash = (err: unknown) => {
      logger.fatal({ err }, 'unexpected error');
      process.exit(1);
    };
    process.on('uncaughtException', crash).on('unhandledRejection', crash);
    // A signal that comes while the service still starts is obeyed as soon as it has.
    const asked = new AbortController();
    const ask = () => asked.abort();
    process.once('SIGTERM', ask).once('SIGINT', ask);
    const service = await start(settings, logger, asked.signal);
    if (!asked.signal.aborted) await once(asked.signal, 'abort');
    logger.info('closing');
    setTimeout(() => {
      logger.error('not closed in time');
      process.exit(1);
    }, CLOSE_TIMEOUT_MS).unref();
    await service.close();
    logger.info('closed');
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}
