/** The flags that every command has, and the client that they make. */
import type { Command } from 'commander';
import { type Client, createClient } from '#client/index';
import { CliError } from './exit-codes';
import { type ConnectionFlags, readAccess } from './settings';

/** Long enough for a server to be restarted or upgraded meanwhile: some minutes, with growing pauses. */
const RETRIES = 12;

export interface GlobalFlags extends ConnectionFlags {
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
    .option('--profile <name>', 'a profile of ~/.config/muster/config.json (MUSTER_PROFILE)');
}

/** @throws CliError refused */
export function connectClient(flags: ConnectionFlags, signal?: AbortSignal): Client {
  const { url, apiKey } = readAccess(flags);
  try {
    return createClient({
      url,
      apiKey,
      retries: RETRIES,
      userAgent: 'muster-cli',
      ...(signal && { signal }),
    });
  } catch (error) {
    throw new CliError('refused', (error as Error).message);
  }
}
