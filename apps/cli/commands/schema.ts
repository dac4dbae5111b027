import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { connectClient, type GlobalFlags } from '../connection';
import { CliError } from '../exit-codes';
import { printable, writeJson } from '../show';

/** `schema`: put, get. */
export function addSchema(program: Command, signal: AbortSignal): void {
  const group = program
    .command('schema')
    .summary('install and read the schemas of domains')
    .description('Installs and reads what is extracted about the users of a domain.');
  group
    .command('put')
    .summary('install the schema of a domain')
    .description('Installs a schema as the next version of a domain. The same one again changes nothing.')
    .argument('<domain>', 'name of the domain, such as dating')
    .argument('<file>', 'the schema as JSON, or - for standard input')
    .addHelpText('after', '\nExample:\n  muster schema put dating examples/schemas/dating.json\n')
    .action(async (domain: string, file: string, _flags: unknown, command: Command) => {
      const flags = command.optsWithGlobals<GlobalFlags>();
      const schema = await connectClient(flags, signal).putSchema(domain, readText(file));
      if (flags.json) writeJson(schema);
      else if (!flags.quiet) process.stdout.write(`Installed ${printable(schema.schema_version)}.\n`);
    });
  group
    .command('get')
    .description('Writes the newest schema of a domain as JSON.')
    .argument('<domain>')
    .addHelpText('after', '\nExample:\n  muster schema get dating > dating.json\n')
    .action(async (domain: string, _flags: unknown, command: Command) => {
      const flags = command.optsWithGlobals<GlobalFlags>();
      const {
        domain: _domain,
        schema_version: _version,
        created_at: _at,
        ...definition
      } = await connectClient(flags, signal).schema(domain);
      process.stdout.write(`${JSON.stringify(definition, null, 2)}\n`);
    });
}

/** @throws CliError refused when there is no such file */
function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch {
    throw new CliError('refused', `Cannot read ${printable(file)}.`);
  }
}
