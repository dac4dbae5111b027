/** The flags that every command has, and the client that they make. */
import { type Command, InvalidArgumentError } from 'commander';
import { type Client, createClient, type MusterError } from '#client/index';
import { CliError } from './exit-codes';
import type { ServerAccess } from './settings';
import { type ConnectionFlags, readAccess } from './settings';

/** Long enough for a server to be restarted or upgraded meanwhile: some four minutes, with growing pauses. */
const DEFAULT_RETRIES = 12;
/** An import of hours may well wait for one. */
const PATIENCE_SECONDS = 3600;

export interface GlobalFlags extends ConnectionFlags {
  retries: number;
  json?: boolean;
  quiet?: boolean;
}

export function addConnectionOptions(command: Command): Command {
  return command
    .option('--url <url>', 'where the server is (MUSTER_URL; default http://127.0.0.1:3000)')
    .option(
      '--api-key <key>',
      'better: MUSTER_API_KEY or a profile, which other users of the machine do not see',
    )
    .option('--profile <name>', 'a profile of ~/.config/muster/config.json (MUSTER_PROFILE)')
    .option(
      '--retries <times>',
      'how often a request is sent again while the server is away or overloaded, with pauses that grow to a minute',
      readRetries,
      DEFAULT_RETRIES,
    );
}

/**
 * @param onRetry told before each wait for the server or for a free slot
 * @throws CliError refused
 */
export function connectClient(
  flags: GlobalFlags,
  signal: AbortSignal,
  onRetry?: (error: MusterError, waitMs: number) => void,
  access: ServerAccess = readAccess(flags),
): Client {
  const { retries } = flags;
  try {
    return createClient({
      ...access,
      retries,
      signal,
      patienceSeconds: PATIENCE_SECONDS,
      userAgent: 'muster-cli',
      ...(onRetry && { onRetry }),
    });
  } catch (error) {
    throw new CliError('refused', (error as Error).message);
  }
}

function readRetries(word: string): number {
  if (/^\d{1,4}$/.test(word)) return Number(word);
  throw new InvalidArgumentError('It is a number from 0 to 9999.');
}
