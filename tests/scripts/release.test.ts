/** A release is one command, and refuses what would be none. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';

const ROOT = path.resolve(__dirname, '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'muster-release-'));

const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, encoding: 'utf8' }).trim();
const read = (file: string) => readFileSync(path.join(folder, file), 'utf8');
const release = (...args: string[]) =>
  spawnSync('npm', ['run', '--silent', 'release', '--', ...args], { cwd: folder, encoding: 'utf8' });

/** Of a repository as small as a release needs: the script, what it changes, and documents that are up to date. */
beforeAll(() => {
  git('init', '--quiet');
  git('config', 'user.email', 'test@example.com');
  git('config', 'user.name', 'Test');
  const scripts = { release: `node -r esbuild-register ${ROOT}/scripts/release.ts`, docs: 'node -e ""' };
  writeFileSync(
    path.join(folder, 'package.json'),
    JSON.stringify({ name: 'muster', version: '0.1.0', scripts }),
  );
  writeFileSync(path.join(folder, '.gitignore'), 'node_modules\n');
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
  writeFileSync(
    path.join(folder, 'CHANGELOG.md'),
    '# Changelog\n\n## Unreleased\n\n## 0.1.0\n\n### Added\n- All.\n',
  );
  git('add', '--all');
  git('commit', '--quiet', '--message', 'Begin');
});
afterAll(() => rmSync(folder, { recursive: true }));

it.each([
  [[], 'Which version?'],
  [['1.0'], 'Which version?'],
  [['0.1.0'], 'not behind 0.1.0'],
  [['0.0.9'], 'not behind 0.1.0'],
  [['0.2.0', '--no-pack'], 'says nothing under "Unreleased"'],
])('%j is refused', (args, sentence) => {
  const { status, stderr } = release(...args);
  expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining(sentence) });
  expect(git('status', '--porcelain')).toBe('');
});

it('what is unreleased becomes the section of the version, with a commit and a tag', () => {
  const changelog = read('CHANGELOG.md').replace(
    '## Unreleased\n',
    '## Unreleased\n\n### Fixed\n- A fault.\n',
  );
  writeFileSync(path.join(folder, 'CHANGELOG.md'), changelog);
  expect(release('0.2.0', '--no-pack').stderr).toContain('not committed');
  git('commit', '--all', '--quiet', '--message', 'Mend a fault');
  expect(release('0.2.0', '--no-pack')).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('v0.2.0'),
  });
  const day = new Date().toISOString().slice(0, 10);
  expect(read('CHANGELOG.md')).toContain(
    `## Unreleased\n\n## 0.2.0 - ${day}\n\n### Fixed\n- A fault.\n\n## 0.1.0`,
  );
  expect(JSON.parse(read('package.json')).version).toBe('0.2.0');
  expect(git('log', '-1', '--format=%s')).toBe('Release 0.2.0');
  expect(git('describe', '--exact-match')).toBe('v0.2.0');
  expect(release('0.3.0', '--no-pack').stderr).toContain('says nothing under "Unreleased"');
});
