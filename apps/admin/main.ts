/**
 * `npm run admin`: environments and keys, on the external database or on the embedded one, whether the service runs at
 * this moment or not. A new key is printed once, alone on standard output.
 */
import { HELP } from './commands';
import { runAdmin } from './run';
import { UsageError } from './usage-error';

async function main(words: string[]): Promise<void> {
  if (words.length === 0 || words.includes('--help') || words.includes('-h')) process.stdout.write(HELP);
  else process.stdout.write(await runAdmin(words));
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  if (error instanceof UsageError) process.stderr.write(`\n${HELP}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
});
