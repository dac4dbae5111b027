/** The commands of `npm run admin`: each takes the words behind its name and gives the text for standard output. */
import { parseArgs } from 'node:util';
import type { Settings } from '#settings/settings';
import {
  createEnvironment,
  ensureKey,
  findEnvironmentId,
  generateKey,
  type ListedKey,
  listEnvironments,
  listKeys,
  type Rotation,
  revokeKey,
  rotateKey,
  SCOPES,
  type Scope,
} from '#store/api-keys';
import type { Store } from '#store/client';
import { findDeletion } from '#store/open-environment';
import { deleteEnvironment } from './delete-environment';
import { UsageError } from './usage-error';

export const HELP = `Usage: npm run admin -- COMMAND

  environments create SLUG           make an environment (a to z, 0 to 9 and hyphens)
  environments list                  slug, age and state of each environment
  environments delete SLUG [--confirm SLUG]
                                     delete an environment with all its rows and keys; asks for the slug
  keys create --environment SLUG [--scope read|import|admin]
                                     make a key; it is printed once, alone on standard output. read: GET only;
                                     import: imports too; admin (default): everything, as erasing users
  keys list [--environment SLUG]     prefix, environment, scope, state and last use of each
  keys rotate PREFIX [--overlap 24h] make a key of the same environment and scope, printed once, alone on standard output;
                                     the old one ends after the overlap (30m, 24h, 7d; 0 = at once)
  keys revoke PREFIX                 revoke a key immediately, by its prefix in the list

Acts on DATABASE_URL, or on the embedded database in DATA_DIR, whether the service runs or not.
`;

const SLUG = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Carries out one command.
 * @param words behind its name
 * @param onRotated is called with a key and what has taken its place
 * @returns the text for standard output
 * @throws UsageError; Error with a sentence when it cannot be done
 */
export type Command = (
  store: Store,
  words: string[],
  settings: Settings,
  onRotated: (rotation: Rotation) => void,
) => Promise<string>;

export const COMMANDS: Record<string, Command> = {
  'environments create': async (store, [slug, ...rest]) => {
    if (slug === undefined || rest.length > 0 || !SLUG.test(slug)) {
      throw new UsageError(
        'environments create takes one SLUG of a to z, 0 to 9 and hyphens, at most 63 characters.',
      );
    }
    if (!(await createEnvironment(store, slug))) {
      const isDeleting = (await findDeletion(store.pool, slug)) instanceof Date;
      throw new Error(
        isDeleting
          ? `The environment ${slug} is being deleted. Try again when environments list no longer shows it.`
          : `The environment ${slug} exists already.`,
      );
    }
    return `Environment ${slug} created.\n`;
  },

  'environments list': async (store) => {
    const environments = await listEnvironments(store);
    return environments
      .map(({ slug, createdAt, deletingAt }) => {
        const state = deletingAt === null ? 'active' : `being deleted since ${deletingAt.toISOString()}`;
        return `${slug}\t${createdAt.toISOString()}\t${state}\n`;
      })
      .join('');
  },

  'environments delete': deleteEnvironment,

  'keys create': async (store, words) => {
    const { environment, scope = 'admin' } = readOptions(words);
    if (environment === undefined) throw new UsageError('keys create needs --environment SLUG.');
    if (!isScope(scope)) throw new UsageError(`--scope is one of ${SCOPES.join(', ')}.`);
    const key = generateKey();
    await ensureKey(store, await requireEnvironment(store, environment), key, scope);
    return `${key}\n`;
  },

  'keys list': async (store, words) => {
    const { environment } = readOptions(words);
    const id = environment === undefined ? undefined : await requireEnvironment(store, environment);
    const keys = await listKeys(store, id);
    return keys
      .map((key) => {
        const lastUsed = key.lastUsedAt?.toISOString() ?? 'never';
        return `${key.prefix}\t${key.slug}\t${key.scope}\t${stateOf(key)}\tlast used ${lastUsed}\n`;
      })
      .join('');
  },

  'keys rotate': async (store, words, _settings, onRotated) => {
    const { prefix, overlap } = readRotation(words);
    const rotation = await rotateKey(store, prefix, readOverlap(overlap));
    if (rotation === undefined) throw new Error(`There is no open key with the prefix ${prefix}.`);
    onRotated(rotation);
    return `${rotation.key}\n`;
  },

  'keys revoke': async (store, [prefix, ...rest]) => {
    if (prefix === undefined || rest.length > 0) throw new UsageError('keys revoke takes one PREFIX.');
    if (!(await revokeKey(store, prefix))) throw new Error(`There is no open key with the prefix ${prefix}.`);
    return `Key ${prefix} revoked.\n`;
  },
};

function stateOf({ revokedAt, expiresAt, replaced }: ListedKey): string {
  if (revokedAt !== null) return `${replaced ? 'replaced' : 'revoked'} ${revokedAt.toISOString()}`;
  if (expiresAt === null) return 'open';
  return `${expiresAt.getTime() > Date.now() ? 'open until' : 'expired'} ${expiresAt.toISOString()}`;
}

const DEFAULT_OVERLAP = '24h';
const MAX_OVERLAP_DAYS = 365;
const UNIT_SECONDS: Record<string, number> = { s: 1, m: 60, h: 3_600, d: 86_400 };

function readRotation(words: string[]): { prefix: string; overlap: string } {
  try {
    const options = { overlap: { type: 'string' } } as const;
    const { values, positionals } = parseArgs({ args: words, options, allowPositionals: true });
    const [prefix, ...rest] = positionals;
    if (prefix !== undefined && rest.length === 0) {
      return { prefix, overlap: values.overlap ?? DEFAULT_OVERLAP };
    }
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  throw new UsageError('keys rotate takes one PREFIX.');
}

/** Seconds of `90s`, `30m`, `24h`, `7d` or `0`. @throws UsageError */
function readOverlap(text: string): number {
  const [, number = '', unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const seconds = text === '0' ? 0 : Number(number) * (UNIT_SECONDS[unit] ?? Number.NaN);
  if (seconds >= 0 && seconds <= MAX_OVERLAP_DAYS * 86_400) return seconds;
  throw new UsageError(
    `--overlap is 0 or a number with s, m, h or d, such as 24h, at most ${MAX_OVERLAP_DAYS}d.`,
  );
}

function isScope(word: string): word is Scope {
  return (SCOPES as readonly string[]).includes(word);
}

function readOptions(words: string[]): { environment?: string | undefined; scope?: string | undefined } {
  try {
    const options = { environment: { type: 'string' }, scope: { type: 'string' } } as const;
    return parseArgs({ args: words, options }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

async function requireEnvironment(store: Store, slug: string): Promise<number> {
  const id = await findEnvironmentId(store, slug);
  if (id === undefined)
    throw new Error(`There is no environment ${slug}: npm run admin -- environments create ${slug}`);
  if ((await findDeletion(store.pool, slug)) instanceof Date)
    throw new Error(`The environment ${slug} is being deleted.`);
  return id;
}
