/**
 * Where the server is and by which key: from flags, else the environment, else a profile of the configuration file. The
 * key is never shown, and is not taken from an argument that every user of the machine could read unless asked for.
 */
import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { CliError } from './exit-codes';
import { parseJson } from './parse-json';

const profileSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).optional(),
  api_key: z.string().min(1).optional(),
});

const configSchema = z.strictObject({
  /** Which profile is used when none is named. */
  default: z.string().optional(),
  profiles: z.record(z.string(), profileSchema),
});

export interface ConnectionFlags {
  url?: string | undefined;
  apiKey?: string | undefined;
  profile?: string | undefined;
}

export interface ServerAccess {
  /** In the one spelling that all of its spellings have. */
  url: string;
  apiKey: string;
}

/** Where the service of `./scripts/start` listens. */
const DEFAULT_URL = 'http://127.0.0.1:3000';

/** @throws CliError refused when there is no key, or the file is not right; the message never quotes a key */
export function readAccess(flags: ConnectionFlags, env: NodeJS.ProcessEnv = process.env): ServerAccess {
  const profile = readProfile(flags.profile ?? env.MUSTER_PROFILE, env);
  const url = flags.url ?? env.MUSTER_URL ?? profile.url ?? DEFAULT_URL;
  const apiKey = flags.apiKey ?? env.MUSTER_API_KEY ?? profile.api_key;
  if (apiKey === undefined) {
    throw new CliError(
      'refused',
      `There is no API key. Set MUSTER_API_KEY, or put "api_key" into a profile in ${configPath(env)}.`,
    );
  }
  if (!URL.canParse(url)) throw new CliError('refused', 'The url is none: http://127.0.0.1:3000 is one.');
  return { url: new URL(url).href, apiKey };
}

export function configPath(env: NodeJS.ProcessEnv): string {
  const folder = env.XDG_CONFIG_HOME || path.join(homedir(), '.config');
  return path.join(folder, 'muster', 'config.json');
}

function readProfile(name: string | undefined, env: NodeJS.ProcessEnv): z.infer<typeof profileSchema> {
  const file = configPath(env);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new CliError('refused', `${file} cannot be read.`);
    if (name === undefined) return {};
    throw new CliError('refused', `There is no profile ${name}: there is no ${file}.`);
  }
  const config = configSchema.safeParse(parseJson(text));
  if (!config.success) {
    const at = config.error.issues[0]?.path.join('.') || 'its top';
    throw new CliError('refused', `${file} is not right at ${at}.`);
  }
  warnOfOpenFile(file);
  const wanted = name ?? config.data.default ?? 'default';
  const profile = config.data.profiles[wanted];
  if (profile === undefined && (name ?? config.data.default) !== undefined) {
    throw new CliError('refused', `There is no profile ${wanted} in ${file}.`);
  }
  return profile ?? {};
}

/** Keys are in it. */
function warnOfOpenFile(file: string): void {
  if (process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0) {
    process.stderr.write(`${file} can be read by others: chmod 600 it.\n`);
  }
}
