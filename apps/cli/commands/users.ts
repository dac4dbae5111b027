import type { Command } from 'commander';
import type { Client } from '#client/index';
import { connectClient, type GlobalFlags } from '../connection';
import { CliError } from '../exit-codes';
import { writeJson } from '../show';

interface DeleteFlags extends GlobalFlags {
  yes?: boolean;
}

interface ExportFlags extends GlobalFlags {
  companyId?: string;
}

/** What differs between users and companies. */
interface Collection {
  name: 'users' | 'companies';
  one: string;
  get(client: Client, id: string): Promise<unknown>;
  all(client: Client, flags: ExportFlags): AsyncIterable<unknown>;
  erase(client: Client, ids: string[]): Promise<number>;
}

const COLLECTIONS: readonly Collection[] = [
  {
    name: 'users',
    one: 'user',
    get: (client, id) => client.user(id),
    all: (client, { companyId }) => client.users(companyId === undefined ? {} : { companyId }),
    erase: (client, ids) => client.deleteUsers(ids),
  },
  {
    name: 'companies',
    one: 'company',
    get: (client, id) => client.company(id),
    all: (client) => client.companies(),
    erase: (client, ids) => client.deleteCompanies(ids),
  },
];

/** `users` and `companies`: get, export, delete. */
export function addUsers(program: Command, signal: AbortSignal): void {
  for (const { name, one, get, all, erase } of COLLECTIONS) {
    const group = program.command(name).description(`Reads and erases stored ${name}.`);
    group
      .command('get')
      .description(`Shows one ${one}.`)
      .argument('<id>')
      .action(async (id: string, _flags: unknown, command: Command) => {
        const flags = command.optsWithGlobals<GlobalFlags>();
        const found = await get(connectClient(flags, signal), id);
        if (flags.json) writeJson(found);
        else process.stdout.write(`${JSON.stringify(found, null, 2)}\n`);
      });
    const exporting = group
      .command('export')
      .description(`Writes all ${name} as NDJSON, in the order of their ids, as they can be imported again.`)
      .addHelpText('after', `\nExample:\n  muster ${name} export > ${name}.ndjson\n`)
      .action(async (_flags: unknown, command: Command) => {
        const flags = command.optsWithGlobals<ExportFlags>();
        for await (const found of all(connectClient(flags, signal), flags)) writeJson(found);
      });
    if (name === 'users') exporting.option('--company-id <id>', 'only the users of this company');
    group
      .command('delete')
      .description(`Erases ${name}, also from the rows and results of imports. It cannot be undone.`)
      .argument('<id...>')
      .option('--yes', 'do not ask')
      .action(async (ids: string[], _flags: unknown, command: Command) => {
        const flags = command.optsWithGlobals<DeleteFlags>();
        if (!flags.yes) await confirm(`Erase ${ids.length} ${ids.length === 1 ? one : name}? [y/N] `);
        const deleted = await erase(connectClient(flags, signal), ids);
        if (flags.json) writeJson({ deleted });
        else process.stdout.write(`${deleted} erased.\n`);
      });
  }
}

/** @throws CliError refused when the answer is not yes, or nobody can answer */
async function confirm(question: string): Promise<void> {
  if (!process.stdin.isTTY) throw new CliError('refused', 'Nobody can be asked here: say --yes.');
  const { createInterface } = await import('node:readline/promises');
  const dialog = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await dialog.question(question);
  dialog.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new CliError('refused', 'Nothing was erased.');
}
