/** What a newcomer sees when the service is ready: where it is, where its key is, and a line to paste. */
import path from 'node:path';
import type { KeyFile } from './api-key-file';

export interface BannerFacts {
  url: string;
  /** PUBLIC_URL, when it is set. */
  publicUrl?: string | undefined;
  /** `setting`: API_KEY. Undefined: the keys are in the external database. */
  keySource: KeyFile | 'setting' | undefined;
  database: string;
}

/**
 * Writes to standard output. A key is shown only at the start that generated it and only on a terminal: whatever else
 * reads the output may keep it. Later its file is named; a key of the setting is never shown.
 */
export function writeBanner(
  facts: BannerFacts,
  output: { isTTY?: boolean; write(text: string): unknown } = process.stdout,
): void {
  const file = shellPath(examplesFile());
  const { shown, inShell } = describeKey(facts.keySource, output.isTTY === true);
  output.write(`
Muster is ready.

  API       ${facts.url}${facts.publicUrl === undefined ? '' : ` (for clients: ${facts.publicUrl})`}
  Dashboard ${facts.url}/
  Docs      ${facts.url}/docs
  Key       ${shown}
  Database  ${facts.database}

Import 500 example users:

  curl -H "Authorization: Token ${inShell}" -F file=@${file} ${facts.url}/v1/users/bulk_identify

Then look at the job at the address in "links", with the same header. Ctrl-C stops everything.

`);
}

function describeKey(
  source: BannerFacts['keySource'],
  onTerminal: boolean,
): { shown: string; inShell: string } {
  if (source === undefined) {
    return {
      shown: 'one of those in the database (npm run admin -- keys create)',
      inShell: 'YOUR_KEY',
    };
  }
  if (source === 'setting') return { shown: 'the one in API_KEY', inShell: '$API_KEY' };
  const file = shellPath(source.file);
  const shown =
    source.generated && onTerminal
      ? `${source.key} (shown once; it is kept in ${file})`
      : `in the file ${file}`;
  return { shown, inShell: `$(cat ${file})` };
}

/** A path as it is typed here: relative when it is below the working folder, quoted when the shell would split it. */
function shellPath(file: string): string {
  const relative = path.relative(process.cwd(), file);
  const short = relative.startsWith('..') ? file : relative;
  return /^[\w./-]+$/.test(short) ? short : `'${short.replaceAll("'", `'\\''`)}'`;
}

/** The example import that comes with Muster, found from the sources and from the build alike. */
export function examplesFile(): string {
  const root = path.resolve(__dirname, '..', '..');
  return path.join(path.basename(root) === 'dist' ? path.dirname(root) : root, 'examples', 'users.ndjson');
}
