import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { accountFor } from './account';
import { preparePostgresBinaries } from './binaries';

describe('the programs', () => {
  const account = () => accountFor('/nonexistent');
  const shipped = path.resolve(preparePostgresBinaries({ name: 'me', uid: undefined, gid: undefined }), '..');
  const links = (packageDir: string): string[] =>
    fs
      .readdirSync(path.join(packageDir, 'native', 'lib'), { withFileTypes: true })
      .filter((entry) => entry.isSymbolicLink())
      .map((entry) => entry.name);

  /** The package as npm unpacks it when install scripts do not run. */
  let packageDir: string;
  let cacheDir: string;
  let folder: string;
  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-programs-test-'));
    fs.chmodSync(folder, 0o711);
    packageDir = path.join(folder, 'package');
    fs.cpSync(shipped, packageDir, {
      recursive: true,
      filter: (file) => !fs.lstatSync(file).isSymbolicLink(),
    });
  });
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));
  beforeEach(() => {
    cacheDir = path.join(folder, `cache-${randomUUID()}`);
  });

  /** Root may write the closed folder, but its user not enter it; another user may enter it, but not write it. */
  function close(): void {
    if (account().uid !== undefined) {
      fs.chmodSync(packageDir, 0o700);
      return;
    }
    for (const link of links(packageDir)) fs.rmSync(path.join(packageDir, 'native', 'lib', link));
    fs.chmodSync(path.join(packageDir, 'native', 'lib'), 0o500);
  }
  afterEach(() => fs.chmodSync(path.join(packageDir, 'native', 'lib'), 0o755));

  it('get the links that an install script would have made', () => {
    expect(preparePostgresBinaries(account(), { packageDir, cacheDir })).toBe(
      path.join(packageDir, 'native'),
    );
    expect(links(packageDir).length).toBe(links(shipped).length);
  });

  it('are copied once when they cannot be used in place, and again when the copy was thinned out', () => {
    close();
    const copy = preparePostgresBinaries(account(), { packageDir, cacheDir });
    expect(copy.startsWith(cacheDir)).toBe(true);
    expect(links(path.dirname(copy)).length).toBe(links(shipped).length);
    const made = fs.statSync(copy).ino;
    expect(preparePostgresBinaries(account(), { packageDir, cacheDir })).toBe(copy);
    expect(fs.statSync(copy).ino).toBe(made);

    const thinned = path.join(copy, 'share', 'postgresql', 'postgres.bki');
    fs.rmSync(thinned);
    expect(preparePostgresBinaries(account(), { packageDir, cacheDir })).toBe(copy);
    expect(fs.existsSync(thinned)).toBe(true);
    expect(fs.readdirSync(cacheDir).length).toBe(1);
  });

  it('are not taken from a folder that others may write', () => {
    fs.mkdirSync(cacheDir);
    fs.chmodSync(cacheDir, 0o777);
    close();
    expect(() => preparePostgresBinaries(account(), { packageDir, cacheDir })).toThrow('others may write it');
  });
});
