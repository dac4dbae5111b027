/** `environments delete SLUG`: asks for the slug to be typed, because nothing of the environment can be had back. */
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import type { Settings } from '#settings/settings';
import type { Store } from '#store/client';
import { beginDeletion } from '#store/delete-environment';
import { findDeletion } from '#store/open-environment';
import { UsageError } from './usage-error';

/** The environment that every start provides for. */
const DEFAULT_ENVIRONMENT = 'default';

/**
 * @param words SLUG, and `--confirm SLUG` where nobody can be asked
 * @throws UsageError; Error with a sentence when nothing is deleted
 */
export async function deleteEnvironment(store: Store, words: string[], settings: Settings): Promise<string> {
  const { slug, confirm } = readWords(words);
  refuseDefault(slug, settings);
  const deletingAt = await findDeletion(store.pool, slug);
  if (deletingAt === undefined) throw new Error(`There is no environment ${slug}.`);
  if (deletingAt !== null) return `Environment ${slug} is being deleted since ${deletingAt.toISOString()}.\n`;
  if ((confirm ?? (await askForSlug(slug))) !== slug) {
    throw new Error('The slug does not match. Nothing was deleted.');
  }
  if (!(await beginDeletion(store, slug))) throw new Error(`There is no environment ${slug}.`);
  return (
    `Environment ${slug} is being deleted. Its keys are revoked. The worker ends its imports and deletes its rows in the ` +
    'background; when `environments list` no longer shows it, the slug is free again.\n'
  );
}

function readWords(words: string[]): { slug: string; confirm: string | undefined } {
  try {
    const options = { confirm: { type: 'string' } } as const;
    const { values, positionals } = parseArgs({ args: words, options, allowPositionals: true });
    const [slug, ...rest] = positionals;
    if (slug !== undefined && rest.length === 0) return { slug, confirm: values.confirm };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  throw new UsageError('environments delete takes one SLUG.');
}

/** A start with a key of the settings would create it again, and open it with the same key. */
function refuseDefault(slug: string, { apiKey, databaseUrl }: Settings): void {
  if (slug !== DEFAULT_ENVIRONMENT) return;
  if (apiKey !== undefined) {
    throw new Error(
      'The environment default belongs to API_KEY: the next start would create it again. Unset API_KEY first.',
    );
  }
  if (databaseUrl === undefined) {
    throw new Error(
      'The environment default belongs to the key in DATA_DIR/api-key: the next start would create it again. ' +
        'To delete everything, stop the service and remove DATA_DIR.',
    );
  }
}

async function askForSlug(slug: string): Promise<string> {
  if (!process.stdin.isTTY) throw new UsageError('Not a terminal: pass --confirm SLUG to confirm.');
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await prompt.question(
      `This deletes the environment ${slug} with its users, companies, imports and keys. It cannot be undone.\n` +
        'Type the slug to confirm: ',
    );
  } finally {
    prompt.close();
  }
}
