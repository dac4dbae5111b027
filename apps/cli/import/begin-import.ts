/** Where an import begins: anew, or where an interrupted one was. */
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { CliError } from '../exit-codes';
import type { ServerAccess } from '../settings';
import { findUnfinished, identify, type Journal, NO_COUNTS, openJournal } from './journal';
import type { ImportRequest } from './request';

/**
 * @param restarts forgets an interrupted import of the same files
 * @throws CliError refused when there is one that is not to be forgotten
 */
export function beginImport(access: ServerAccess, request: ImportRequest, restarts: boolean): Journal {
  const journal = openJournal(identify(access), request);
  if (restarts) journal.remove();
  const unfinished = journal.read();
  // Standard input never is the same again, unless --resume says so.
  if (unfinished !== undefined && !request.files.includes('-')) {
    throw new CliError(
      'refused',
      `An import of this, begun ${unfinished.startedAt}, was interrupted: --resume goes on with it, --restart begins anew.`,
    );
  }
  return {
    version: 1,
    run: randomUUID(),
    startedAt: new Date().toISOString(),
    access: identify(access),
    request,
    done: { parts: 0, counts: { ...NO_COUNTS } },
    file: { index: 0, rows: 0, digest: '' },
  };
}

/**
 * The one interrupted import that is meant.
 * @param files empty: whichever it was
 * @param given what was asked for besides; it must be as it was
 * @throws CliError refused when there is none or more than one, or when it was another one
 */
export function findInterrupted(
  access: ServerAccess,
  files: readonly string[],
  given: Partial<ImportRequest>,
): Journal {
  const found = findUnfinished(identify(access)).filter(
    ({ request }) => files.length === 0 || isDeepStrictEqual(request.files, files),
  );
  const [note] = found;
  if (note === undefined) throw new CliError('refused', 'There is no interrupted import to go on with.');
  if (found.length > 1) {
    const each = found.map(
      ({ request, startedAt }) => `  ${startedAt} ${request.kind} ${request.files.join(' ')}`,
    );
    throw new CliError(
      'refused',
      `Several imports were interrupted; name the files of one:\n${each.join('\n')}`,
    );
  }
  for (const [name, value] of Object.entries(given)) {
    if (isDeepStrictEqual(value, note.request[name as keyof ImportRequest])) continue;
    throw new CliError('refused', `The interrupted import was begun with another ${flagOf(name)}.`);
  }
  return note;
}

function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
