/**
 * Makes a release of what is committed: its version in package.json, its section in CHANGELOG.md, a commit, a tag, and the
 * package. `npm run release -- 0.2.0`; with --no-pack without the package. It pushes nothing.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const VERSION = /^(\d+)\.(\d+)\.(\d+)$/;
const UNRELEASED = '## Unreleased\n';

/** Ends the program with a sentence. */
class Refusal extends Error {}

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
}

/** @throws Refusal when it is no version behind the one that is there */
function requireNext(version: string | undefined, current: string): string {
  const [next, now] = [version ?? '', current].map((text) => VERSION.exec(text)?.slice(1).map(Number));
  if (version === undefined || next === undefined) {
    throw new Refusal('Which version? npm run release -- 0.2.0');
  }
  const difference =
    next.map((part, index) => part - (now?.[index] ?? 0)).find((change) => change !== 0) ?? 0;
  if (difference <= 0) throw new Refusal(`${version} is not behind ${current}.`);
  return version;
}

/** @throws Refusal when something is not committed, or the tag is there already */
function requireClean(tag: string): void {
  if (run('git', 'status', '--porcelain') !== '')
    throw new Refusal('There are changes that are not committed.');
  if (run('git', 'tag', '--list', tag) !== '') throw new Refusal(`The tag ${tag} is there already.`);
}

/** The changelog with what was unreleased as a section of the version. @throws Refusal when nothing was */
export function releaseChangelog(changelog: string, version: string, day: string): string {
  const at = changelog.indexOf(UNRELEASED);
  if (at === -1) throw new Refusal('CHANGELOG.md has no section "Unreleased".');
  const rest = changelog.slice(at + UNRELEASED.length);
  const end = rest.search(/^## /m);
  const section = end === -1 ? rest : rest.slice(0, end);
  if (!/^- /m.test(section))
    throw new Refusal('CHANGELOG.md says nothing under "Unreleased": write what is new first.');
  return `${changelog.slice(0, at)}${UNRELEASED}\n## ${version} - ${day}\n${rest}`;
}

function release([version, ...flags]: string[]): void {
  const { version: current } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const next = requireNext(version, current);
  const tag = `v${next}`;
  requireClean(tag);
  const changelog = releaseChangelog(
    readFileSync('CHANGELOG.md', 'utf8'),
    next,
    new Date().toISOString().slice(0, 10),
  );
  writeFileSync('CHANGELOG.md', changelog);
  run('npm', 'version', next, '--no-git-tag-version', '--ignore-scripts');
  run('npm', 'run', '--silent', 'docs');
  run('git', 'commit', '--all', '--quiet', '--message', `Release ${next}`);
  run('git', 'tag', '--annotate', tag, '--message', `Muster ${next}`);
  const file = flags.includes('--no-pack') ? undefined : run('npm', 'pack', '--silent').split('\n').at(-1);
  process.stdout.write(`${tag}${file === undefined ? '' : `: ${file}`}\nPush it: git push --follow-tags\n`);
}

if (require.main === module) {
  try {
    release(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
