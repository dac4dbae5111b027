/** The commands of `muster` and their help. */
import { Command } from 'commander';
import { addCompletion } from './commands/completion';
import { addImport } from './commands/import';
import { addJobs } from './commands/jobs';
import { addService } from './commands/service';
import { addUsers } from './commands/users';
import { addValidate } from './commands/validate';
import { addConnectionOptions } from './connection';

export function createProgram(signal: AbortSignal): Command {
  const program = new Command('muster')
    .description(
      'Bulk imports of users and companies, into Muster or any server that is compatible with bulk_identify.',
    )
    .showHelpAfterError('(muster --help, muster COMMAND --help)')
    .option('--json', 'one JSON value a line, for machines')
    .option('--quiet', 'only errors')
    .exitOverride();
  addConnectionOptions(program);
  addImport(program, signal);
  addValidate(program);
  addJobs(program, signal);
  addUsers(program, signal);
  addService(program);
  addCompletion(program);
  return program;
}
