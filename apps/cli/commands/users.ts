import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import type { Client, Company, User } from '#client/index';
import { metadataNumberTexts } from '#pipeline/exact-numbers';
import { connectClient, type GlobalFlags } from '../connection';
import { CliError } from '../exit-codes';
import { count, pour, printable, writeJson } from '../show';

interface ExportFlags extends GlobalFlags {
  search?: string;
  companyId?: string;
}

/** What differs between users and companies. */
interface Collection {
  name: 'users' | 'companies';
  one: string;
  idKey: 'user_id' | 'company_id';
  /** As NDJSON, in the service's own words: with every digit. */
  get(client: Client, id: string): Promise<ReadableStream<Uint8Array>>;
  all(client: Client, flags: ExportFlags): Promise<ReadableStream<Uint8Array>>;
  erase(client: Client, ids: string[]): Promise<number>;
}

const COLLECTIONS: readonly Collection[] = [
  {
    name: 'users',
    one: 'user',
    idKey: 'user_id',
    get: (client, userId) => client.usersNdjson({ userId }),
    all: (client, { search, companyId }) =>
      client.usersNdjson({
        ...(search !== undefined && { search }),
        ...(companyId !== undefined && { companyId }),
      }),
    erase: (client, ids) => client.deleteUsers(ids),
  },
  {
    name: 'companies',
    one: 'company',
    idKey: 'company_id',
    get: (client, companyId) => client.companiesNdjson({ companyId }),
    all: (client, { search }) => client.companiesNdjson(search === undefined ? {} : { search }),
    erase: (client, ids) => client.deleteCompanies(ids),
  },
];

/** `users` and `companies`: get, export, delete. */
export function addUsers(program: Command, signal: AbortSignal): void {
  for (const collection of COLLECTIONS) {
    const { name, one } = collection;
    const group = program
      .command(name)
      .summary(`read and erase stored ${name}`)
      .description(`Reads and erases stored ${name}.`);
    group
      .command('get')
      .description(`Shows one ${one}.`)
      .argument('<id>')
      .addHelpText('after', `\nExample:\n  muster ${name} get ${one[0]}1 --json\n`)
      .action(async (id: string, _flags: unknown, command: Command) => {
        const flags = command.optsWithGlobals<GlobalFlags>();
        const found = await text(await collection.get(connectClient(flags, signal), id));
        if (found === '') throw new CliError('refused', `There is no such ${one} in this environment.`);
        process.stdout.write(flags.json ? found : showProfile(found, collection));
      });
    const exporting = group
      .command('export')
      .summary(`write all ${name} as NDJSON`)
      .description(
        `Writes all ${name} as NDJSON, in the order of their ids. They can be imported again: what the service adds ` +
          '(created_at, updated_at, last_job_id) is ignored then.',
      )
      .addHelpText(
        'after',
        `\nExamples:\n  muster ${name} export | gzip > ${name}.ndjson.gz\n  muster ${name} export --search ${one[0]}1\n`,
      )
      .action(async (_flags: unknown, command: Command) => {
        const flags = command.optsWithGlobals<ExportFlags>();
        await pour(await collection.all(connectClient(flags, signal), flags));
      });
    exporting.option(
      '--search <text>',
      `only ${name} whose id begins with this${name === 'users' ? ', or whose e-mail address it is' : ''}`,
    );
    if (name === 'users') exporting.option('--company-id <id>', 'only the users of this company');
    group
      .command('delete')
      .summary(`erase ${name}`)
      .description(`Erases ${name}, also from the rows and results of imports. It cannot be undone.`)
      .argument('<ids...>')
      .option('--yes', 'do not ask')
      .addHelpText('after', `\nExample:\n  muster ${name} delete ${one[0]}1 ${one[0]}2 --yes\n`)
      .action(async (ids: string[], _flags: unknown, command: Command) => {
        const flags = command.optsWithGlobals<GlobalFlags & { yes?: boolean }>();
        if (!flags.yes) await confirm(`Erase ${count(ids.length)} ${ids.length === 1 ? one : name}? [y/N] `);
        const erased = await collection.erase(connectClient(flags, signal), ids);
        if (flags.json) writeJson({ erased });
        else if (!flags.quiet) process.stdout.write(`${count(erased)} erased.\n`);
      });
  }
}

/** @param line the profile as the service writes it; JSON.parse would round its numbers */
function showProfile(line: string, { idKey }: Collection): string {
  const profile = JSON.parse(line) as User & Company;
  const numbers = metadataNumberTexts(line);
  const own: [string, unknown][] = [
    [idKey, profile[idKey]],
    ...(idKey === 'user_id' ? [['company_id', profile.company_id] as [string, unknown]] : []),
    ['created_at', profile.created_at],
    ['updated_at', profile.updated_at],
    ['last_job_id', profile.last_job_id],
  ];
  const metadata = Object.entries(profile.metadata).map(([key, value]): [string, unknown] => [
    `metadata.${key}`,
    numbers.get(key) ?? JSON.stringify(value),
  ]);
  return [...own, ...metadata]
    .map(([name, value]) => `${printable(name).padEnd(14)} ${printable(String(value ?? '-'))}\n`)
    .join('');
}

/** @throws CliError refused when the answer is not yes, or nobody can answer */
async function confirm(question: string): Promise<void> {
  if (!process.stdin.isTTY) throw new CliError('refused', 'Nobody can be asked here: say --yes.');
  const dialog = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await dialog.question(question);
  dialog.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new CliError('refused', 'Nothing was erased.');
}
