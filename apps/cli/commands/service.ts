import { type Command, Option } from 'commander';
import { SCOPES, type Scope } from '#store/api-keys';

interface KeyFlags {
  environment: string;
  scope: Scope;
}

/** Where the server is does not matter here. */
const LOCAL = { showGlobalOptions: false };

/** `start`, `keys` and `environments`: the service on this machine, not one behind a URL. */
export function addService(program: Command): void {
  program
    .command('start')
    .summary('run the service on this machine')
    .description(
      'Runs API and worker, by default on the bundled PostgreSQL with its data in DATA_DIR (.data). Settings are ' +
        'environment variables: docs/configuration.md.',
    )
    .configureHelp(LOCAL)
    .option('--demo', 'import the example users and show the progress')
    .addHelpText('after', '\nExample:\n  PORT=8080 DATA_DIR=/var/lib/muster muster start\n')
    .action(async () => {
      await import('#apps/standalone/main');
    });

  const where =
    'Acts on DATABASE_URL, or on the bundled PostgreSQL in DATA_DIR, whether the service runs or not.';
  const keys = program
    .command('keys')
    .summary('make, list, rotate and revoke API keys of the service on this machine')
    .description(`Makes, lists, rotates and revokes API keys. ${where}`)
    .configureHelp(LOCAL);
  keys
    .command('create')
    .description('Makes a key. It is shown this one time, alone on standard output.')
    .option('--environment <slug>', 'the environment that it opens', 'default')
    .addOption(
      new Option('--scope <scope>', 'read: GET only; import: imports too; admin: everything, as erasing')
        .choices(SCOPES)
        .default('admin'),
    )
    .addHelpText('after', '\nExample:\n  muster keys create --environment staging --scope import\n')
    .action(({ environment, scope }: KeyFlags) =>
      print(['keys', 'create', '--environment', environment, '--scope', scope]),
    );
  keys
    .command('list')
    .description('Lists prefix, environment, scope, state and last use of each key.')
    .option('--environment <slug>', 'only those of this environment')
    .action(({ environment }: Partial<KeyFlags>) =>
      print(['keys', 'list', ...(environment === undefined ? [] : ['--environment', environment])]),
    );
  keys
    .command('rotate')
    .description(
      'Makes a key of the same environment and scope, shown this one time, alone on standard output, and lets the old one end.',
    )
    .argument('<prefix>', 'of the old key, as keys list shows it')
    .option('--overlap <time>', 'how long the old key is still accepted: 30m, 24h, 7d; 0 = not at all', '24h')
    .addHelpText('after', '\nExample:\n  muster keys rotate mst_Ab3dE6gh --overlap 7d\n')
    .action((prefix: string, { overlap }: { overlap: string }) =>
      print(['keys', 'rotate', prefix, '--overlap', overlap]),
    );
  keys
    .command('revoke')
    .description('Revokes a key immediately.')
    .argument('<prefix>', 'of the key, as keys list shows it')
    .action((prefix: string) => print(['keys', 'revoke', prefix]));

  const environments = program
    .command('environments')
    .summary('make, list and delete environments of the service on this machine')
    .description(`Makes, lists and deletes environments. ${where}`)
    .configureHelp(LOCAL);
  environments
    .command('create')
    .description('Makes an environment.')
    .argument('<slug>', 'a to z, 0 to 9 and hyphens')
    .action((slug: string) => print(['environments', 'create', slug]));
  environments
    .command('list')
    .description('Lists slug, age and state of the environments.')
    .action(() => print(['environments', 'list']));
  environments
    .command('delete')
    .description(
      'Deletes an environment with its users, companies, imports and keys. Asks for the slug to be typed. It cannot be undone.',
    )
    .argument('<slug>', 'of the environment')
    .option('--confirm <slug>', 'the slug once more, where nobody can be asked')
    .action((slug: string, { confirm }: { confirm?: string }) =>
      print(['environments', 'delete', slug, ...(confirm === undefined ? [] : ['--confirm', confirm])]),
    );
}

async function print(words: string[]): Promise<void> {
  // Only here, because the database's packages take long to load.
  const { runAdmin } = await import('#apps/admin/run');
  process.stdout.write(await runAdmin(words));
}
