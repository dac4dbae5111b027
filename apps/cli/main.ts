#!/usr/bin/env node
/** `muster`: the command line. Ends with one of the codes in exit-codes. */
import { CommanderError } from 'commander';
import { isMusterError } from '#client/index';
import { CliError, exitCode } from './exit-codes';
import { createProgram } from './program';

async function main(): Promise<number> {
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort()).once('SIGTERM', () => interrupted.abort());
  try {
    await createProgram(interrupted.signal).parseAsync();
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCode('refused');
    if (interrupted.signal.aborted) {
      process.stderr.write('\nInterrupted. What the server has accepted goes on there.\n');
      return exitCode('interrupted');
    }
    if (error instanceof CliError) {
      process.stderr.write(`${error.message}\n`);
      return exitCode(error.exit);
    }
    if (isMusterError(error)) {
      process.stderr.write(`${error.message}\n`);
      const isAway = error.is('unreachable', 'unavailable', 'rate_limited');
      return exitCode(isAway ? 'unreachable' : 'refused');
    }
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return exitCode('unexpected');
  }
}

// A pipe that is closed, as by `| head`, is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

void main().then((code) => {
  process.exitCode = code;
});
