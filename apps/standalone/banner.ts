/** What a newcomer sees when the service is ready: where it is, the key, and a line to paste. */
import path from 'node:path';

/** Writes to standard output. `apiKey` undefined: the keys are in the external database. */
export function writeBanner(facts: { url: string; apiKey: string | undefined; database: string }): void {
  const file = path.relative(process.cwd(), examplesFile());
  const key = facts.apiKey ?? 'YOUR_KEY';
  process.stdout.write(`
Muster is ready.

  API       ${facts.url}
  Dashboard ${facts.url}/
  Docs      ${facts.url}/docs
  Key       ${facts.apiKey ?? 'one of those in the database (npm run admin -- keys create)'}
  Database  ${facts.database}

Import 500 example users:

  curl -H 'Authorization: Token ${key}' -F file=@${file} ${facts.url}/v1/users/bulk_identify

Then look at the job at the address in "links", with the same header. Ctrl-C stops everything.

`);
}

/** The example import that comes with Muster, found from the sources and from the build alike. */
export function examplesFile(): string {
  const root = path.resolve(__dirname, '..', '..');
  return path.join(path.basename(root) === 'dist' ? path.dirname(root) : root, 'examples', 'users.ndjson');
}
