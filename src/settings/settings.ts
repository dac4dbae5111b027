/**
 * The settings of every process, and the only reader of the environment variables.
 * docs/configuration.md is generated from this schema.
 */
import { z } from 'zod';

const wholeNumber = (minimum: number, maximum: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .refine((n) => n >= minimum && n <= maximum, `must be from ${minimum} to ${maximum}`);

const url = (...protocols: string[]) =>
  z
    .string()
    .refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
      message: `must be a URL that begins with ${protocols.map((p) => `${p}//`).join(' or ')}`,
    })
    .optional();

const apiKey = z
  .string()
  .min(16, 'must have at least 16 characters')
  .regex(/^[\x21-\x7e]+$/, 'must be of printable ASCII characters without spaces');

/** Whether a text can be an API key: what the setting API_KEY accepts. */
export function isUsableKey(text: string): boolean {
  return apiKey.safeParse(text).success;
}

/** Each variable with its check, its default and what it means. */
export const SETTINGS = z.object({
  PORT: wholeNumber(0, 65_535).prefault('3000').describe('Port of the API. 0 = any free one.'),
  HOST: z
    .string()
    .default('127.0.0.1')
    .describe('Address the API listens on (0.0.0.0 in the container image).'),
  DATABASE_URL: url('postgres:', 'postgresql:').describe(
    'PostgreSQL 14 or newer. Unset: an embedded PostgreSQL under DATA_DIR, started and stopped with the service.',
  ),
  MIGRATE_DATABASE_URL: url('postgres:', 'postgresql:').describe(
    'The same database as the owner of its tables: `npm run migrate`, which alone reads this, runs as it and lets the role of DATABASE_URL do no more than serve. Unset: DATABASE_URL.',
  ),
  REDIS_URL: url('redis:', 'rediss:').describe(
    "BullMQ on this Redis. Unset: BullMQ's PostgreSQL backend in the same database.",
  ),
  DATA_DIR: z.string().optional().describe('Embedded database and generated key file. Default: `.data`.'),
  API_KEY: apiKey
    .optional()
    .describe(
      'Key of the environment `default`. A changed one revokes the one before. Unset: embedded mode makes one once and keeps it in DATA_DIR/api-key.',
    ),
  USERS_PER_MINUTE: wholeNumber(0, 100_000_000)
    .prefault('1800')
    .describe('Throttle of each environment, in users a minute; 0 = unthrottled.'),
  MAX_ROWS: wholeNumber(1, 10_000_000).prefault('10000').describe('Rows of one request.'),
  MAX_BYTES: wholeNumber(1, 2_000_000_000)
    .prefault('52428800')
    .describe('Bytes of the file or JSON body of one request (50 MB = 50 x 1024 x 1024).'),
  MAX_PROFILE_BYTES: wholeNumber(1, 100_000_000)
    .prefault('1048576')
    .describe(
      'Bytes of the metadata of one user or company, as JSON without white space. A row that would make more of it fails.',
    ),
  WORKER_CONCURRENCY: wholeNumber(1, 100)
    .prefault('1')
    .describe('Deliveries that a worker process handles at a time.'),
  RETENTION_DAYS: wholeNumber(1, 36_500)
    .prefault('30')
    .describe('Days after which finished jobs, their rows and results are deleted.'),
  IDENTIFY_PER_MINUTE: wholeNumber(0, 100_000_000)
    .prefault('600')
    .describe(
      'Single calls (identify, Gurubase) of a key in a minute, over all API processes; 0 = no limit.',
    ),
  TRACK: z
    .enum(['reject', 'ignore'])
    .default('reject')
    .describe('Events of POST /v1/track: `reject` answers 501, `ignore` answers 202 and counts them only.'),
  MAX_STORED_BYTES: wholeNumber(0, Number.MAX_SAFE_INTEGER)
    .prefault('34359738368')
    .describe(
      'Bytes of all imports that an environment keeps, until they are deleted after RETENTION_DAYS; 0 = no limit. Default: 32 GiB, more than a month of importing without a pause at the default throttle.',
    ),
  CONTEXT_RETENTION_DAYS: wholeNumber(1, 36_500)
    .optional()
    .describe(
      'Days after which raw texts about users (Jean Technologies) are deleted; what was extracted stays. Unset: they are kept as long as the user.',
    ),
  EXTRACTION_URL: url('http:', 'https:').describe(
    'OpenAI-compatible API whose chat model extracts fields from texts, such as http://127.0.0.1:11434/v1. Texts are sent there. Unset, or when it fails: the rules of the schema.',
  ),
  EXTRACTION_MODEL: z.string().optional().describe('Model of EXTRACTION_URL; needed with it.'),
  EXTRACTION_API_KEY: z.string().optional().describe('Bearer token for EXTRACTION_URL.'),
  EMBEDDINGS_URL: url('http:', 'https:').describe(
    'OpenAI-compatible API that makes the vectors of users. Texts are sent there. Unset: feature hashing.',
  ),
  EMBEDDINGS_MODEL: z.string().optional().describe('Model of EMBEDDINGS_URL; needed with it.'),
  EMBEDDINGS_API_KEY: z.string().optional().describe('Bearer token for EMBEDDINGS_URL.'),
  TRUST_PROXY: wholeNumber(0, 10)
    .prefault('0')
    .describe(
      'Reverse proxies in front of the API. With one or more, X-Forwarded-For, -Proto, -Host and -Prefix (or Forwarded) are believed.',
    ),
  PUBLIC_URL: z
    .url({ protocol: /^https?$/, error: 'must be a URL that begins with http:// or https://' })
    .refine((text) => !/[?#@]/.test(text), 'must have no query, fragment or password')
    .transform((text) => new URL(text).href.replace(/\/+$/, ''))
    .optional()
    .describe(
      'Address at which clients reach the API, path included (https://example.com/muster): links, Location and the OpenAPI document begin with it. Unset: the Host header, and what TRUST_PROXY allows.',
    ),
  ALLOW_PRIVATE_TARGETS: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .prefault('false')
    .describe(
      'Whether webhooks may lead to addresses that are not public, such as those of a private network.',
    ),
  METRICS_TOKEN: z
    .string()
    .min(16, 'must have at least 16 characters')
    .optional()
    .describe('Bearer token that may read /metrics, beside the API keys of scope read.'),
  METRICS_ENVIRONMENTS: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .prefault('false')
    .describe('Whether /metrics counts rows and jobs by environment, too.'),
  METRICS_PORT: wholeNumber(0, 65_535)
    .optional()
    .describe(
      'Port on which a worker of its own serves /metrics and /healthz. Unset: none. Takes METRICS_TOKEN.',
    ),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('Least level that is logged.'),
  LOG_FORMAT: z
    .enum(['pretty', 'json'])
    .optional()
    .describe(
      'How the log is written: `pretty` for people, `json` for programs. Unset: pretty on a terminal, else json.',
    ),
  NODE_ENV: z.string().default('development').describe('`production`: refuse to start when no key exists.'),
});

/** An OpenAI-compatible API and what to ask it for. */
export interface ProviderSettings {
  /** Base, such as `https://host/v1`. */
  url: string;
  model: string;
  apiKey: string | undefined;
}

export interface Settings {
  port: number;
  host: string;
  databaseUrl: string | undefined;
  migrateDatabaseUrl: string | undefined;
  redisUrl: string | undefined;
  dataDir: string | undefined;
  apiKey: string | undefined;
  usersPerMinute: number;
  maxRows: number;
  maxBytes: number;
  maxProfileBytes: number;
  workerConcurrency: number;
  retentionDays: number;
  identifyPerMinute: number;
  track: 'reject' | 'ignore';
  maxStoredBytes: number;
  allowPrivateTargets: boolean;
  metricsToken: string | undefined;
  metricsPort: number | undefined;
  metricsEnvironments: boolean;
  /** undefined: raw texts are kept. */
  contextRetentionDays: number | undefined;
  extraction: ProviderSettings | undefined;
  embeddings: ProviderSettings | undefined;
  trustProxy: number;
  /** Without a slash at the end. */
  publicUrl: string | undefined;
  logLevel: string;
  logFormat: 'pretty' | 'json' | undefined;
  production: boolean;
}

/** A setting has a value that cannot be used. The message names every such variable, never its value. */
export class SettingsError extends Error {}

/**
 * Reads and checks the settings.
 * @param environment by default the variables of this process; an empty one counts as unset.
 * @throws SettingsError
 */
export function readSettings(environment: Record<string, string | undefined> = process.env): Settings {
  const present = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const read = SETTINGS.safeParse(present);
  const faults = (read.error?.issues ?? []).map((issue) => `${issue.path.join('.')} ${issue.message}`);
  for (const name of ['EXTRACTION', 'EMBEDDINGS'] as const) {
    if (present[`${name}_URL`] !== undefined && present[`${name}_MODEL`] === undefined)
      faults.push(`${name}_MODEL must be set with ${name}_URL`);
  }
  if (!read.success || faults.length > 0) {
    throw new SettingsError(`Settings: ${faults.join('; ')}. See docs/configuration.md.`);
  }
  const values = read.data;
  return {
    port: values.PORT,
    host: values.HOST,
    databaseUrl: values.DATABASE_URL,
    allowPrivateTargets: values.ALLOW_PRIVATE_TARGETS,
    migrateDatabaseUrl: values.MIGRATE_DATABASE_URL,
    redisUrl: values.REDIS_URL,
    dataDir: values.DATA_DIR,
    apiKey: values.API_KEY,
    usersPerMinute: values.USERS_PER_MINUTE,
    maxRows: values.MAX_ROWS,
    maxBytes: values.MAX_BYTES,
    maxProfileBytes: values.MAX_PROFILE_BYTES,
    workerConcurrency: values.WORKER_CONCURRENCY,
    retentionDays: values.RETENTION_DAYS,
    identifyPerMinute: values.IDENTIFY_PER_MINUTE,
    track: values.TRACK,
    maxStoredBytes: values.MAX_STORED_BYTES,
    metricsToken: values.METRICS_TOKEN,
    metricsPort: values.METRICS_PORT,
    metricsEnvironments: values.METRICS_ENVIRONMENTS,
    contextRetentionDays: values.CONTEXT_RETENTION_DAYS,
    extraction: readProvider(values.EXTRACTION_URL, values.EXTRACTION_MODEL, values.EXTRACTION_API_KEY),
    embeddings: readProvider(values.EMBEDDINGS_URL, values.EMBEDDINGS_MODEL, values.EMBEDDINGS_API_KEY),
    trustProxy: values.TRUST_PROXY,
    publicUrl: values.PUBLIC_URL,
    logLevel: values.LOG_LEVEL,
    logFormat: values.LOG_FORMAT,
    production: values.NODE_ENV === 'production',
  };
}

function readProvider(
  url: string | undefined,
  model: string | undefined,
  apiKey: string | undefined,
): ProviderSettings | undefined {
  return url === undefined || model === undefined ? undefined : { url, model, apiKey };
}

/** The external database of a process that has no embedded one. @throws SettingsError when it is not set */
export function requireDatabaseUrl(settings: Settings): string {
  if (settings.databaseUrl === undefined) {
    throw new SettingsError(
      'Settings: DATABASE_URL must be set (./scripts/start runs on an embedded database).',
    );
  }
  return settings.databaseUrl;
}
