/** The exit codes of `muster`, one table; docs/cli.md is generated from it. */

export const EXIT_CODES = {
  ok: [0, 'Everything asked for was done.'],
  unexpected: [1, 'A fault of muster itself, or of the disk.'],
  rows_failed: [2, 'The import is over; some rows failed. `--errors FILE` collects them.'],
  refused: [3, 'The server, or muster validate, refused: the message says why. Wrong arguments too.'],
  unreachable: [
    4,
    'The server could not be reached, or was not able to answer for too long. `muster import --resume` goes on.',
  ],
  ended_early: [
    5,
    'A job was canceled or failed on the server before its last row. `muster import --resume` sends its part again.',
  ],
  interrupted: [130, 'Ctrl-C, or the signal SIGTERM. `muster import --resume` goes on.'],
} as const satisfies Record<string, readonly [code: number, meaning: string]>;

export type Exit = keyof typeof EXIT_CODES;

/** Ends the program with a sentence and an exit code; no stack is shown. */
export class CliError extends Error {
  constructor(
    readonly exit: Exit,
    message: string,
  ) {
    super(message);
  }
}

export function exitCode(exit: Exit): number {
  return EXIT_CODES[exit][0];
}
