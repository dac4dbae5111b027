import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { resolveDataDir } from './data-dir';

describe('resolveDataDir', () => {
  const isRoot = process.getuid?.() === 0;
  let folder: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'muster-data-dir-'));
    fs.chmodSync(folder, 0o755);
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  it('takes the configured folder, relative to where the service was started', () => {
    expect(resolveDataDir('/srv/muster', folder)).toBe('/srv/muster');
    expect(resolveDataDir('data', folder)).toBe(path.join(folder, 'data'));
  });

  it('is .data without a setting', () => {
    expect(resolveDataDir(undefined, folder)).toBe(path.join(folder, '.data'));
    expect(resolveDataDir('', folder)).toBe(path.join(folder, '.data'));
  });

  it('leaves a folder that is closed to other users only when it runs as root', () => {
    const closed = path.join(folder, 'closed');
    fs.mkdirSync(path.join(closed, 'project'), { recursive: true });
    fs.chmodSync(closed, 0o700);
    const project = path.join(closed, 'project');
    expect(resolveDataDir(undefined, project)).toBe(isRoot ? '/var/lib/muster' : path.join(project, '.data'));
  });

  it('stays with a database that is already there', () => {
    fs.chmodSync(folder, 0o700);
    fs.mkdirSync(path.join(folder, '.data', 'postgres'), { recursive: true });
    expect(resolveDataDir(undefined, folder)).toBe(path.join(folder, '.data'));
  });
});
