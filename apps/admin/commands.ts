/** The commands of `npm run admin`: each takes the words behind its name and gives the text for standard output. */
import { parseArgs } from 'node:util';
import type { Settings } from '#settings/settings';
import {
  createEnvironment,
  ensureKey,
  findEnvironmentId,
  generateKey,
  listEnvironments,
  listKeys,
  revokeKey,
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
  keys revoke PREFIX                 close a key at once, by its prefix in the list

Acts on DATABASE_URL, or on the embedded database in DATA_DIR, whether the service runs or not.
`;

const SLUG = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

export const COMMANDS: Record<
  string,
  (store: Store, words: string[], settings: Settings) => Promise<string>
> = {
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
      .map(({ prefix, slug, scope, revokedAt, lastUsedAt }) => {
        const state = revokedAt === null ? 'open' : `revoked ${revokedAt.toISOString()}`;
        return `${prefix}\t${slug}\t${scope}\t${state}\tlast used ${lastUsedAt?.toISOString() ?? 'never'}\n`;
      })
      .join('');
  },

  'keys revoke': async (store, [prefix, ...rest]) => {
    if (prefix === undefined || rest.length > 0) throw new UsageError('keys revoke takes one PREFIX.');
    if (!(await revokeKey(store, prefix))) throw new Error(`There is no open key with the prefix ${prefix}.`);
    return `Key ${prefix} revoked.\n`;
  },
};

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
