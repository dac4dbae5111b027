/** The commands of `muster` and their help. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addCompletion } from './commands/completion';
import { addImport } from './commands/import';
import { addJobs } from './commands/jobs';
import { addSchema } from './commands/schema';
import { addService } from './commands/service';
import { addUsers } from './commands/users';
import { addValidate } from './commands/validate';
import { addConnectionOptions } from './connection';

/** @param signal ends whatever a command does; it then throws the signal's reason */
export function createProgram(signal: AbortSignal): Command {
  const program = new Command('muster')
    .description(
      'Bulk imports of users and companies, into Muster or any server that is compatible with Userpilot’s bulk_identify.',
    )
    .version(readVersion())
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('muster --help and muster COMMAND --help say more.')
    .option('--json', 'JSON on standard output, one value a line')
    .option('--quiet', 'only errors')
    .exitOverride();
  addConnectionOptions(program);
  addImport(program, signal);
  addValidate(program);
  addJobs(program, signal);
  addUsers(program, signal);
  addSchema(program, signal);
  addService(program);
  addCompletion(program);
  return program;
}

function readVersion(): string {
  // By the package's own name, so that it is found from the sources and from the build alike.
  const file = require.resolve('muster/package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
