import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readOrMakeKey, replaceKeyFile } from './api-key-file';
import { type BannerFacts, writeBanner } from './banner';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'muster-key-file-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function banner(keySource: BannerFacts['keySource'], isTTY: boolean): string {
  let text = '';
  writeBanner(
    { url: 'http://127.0.0.1:3000', keySource, database: 'x' },
    { isTTY, write: (t) => (text += t) },
  );
  return text;
}

describe('the banner', () => {
  it('shows the key at the start that generated it, on a terminal', () => {
    const made = readOrMakeKey(folder);
    expect(made.generated).toBe(true);
    expect(banner(made, true)).toContain(made.key);
  });

  it('names the file of the key, and has a curl line that reads it, where standard output is no terminal', () => {
    const made = readOrMakeKey(folder);
    const text = banner(made, false);
    expect(text).not.toContain(made.key);
    expect(text).toContain(`Key       in the file ${made.file}`);
    expect(text).toContain(`curl -H "Authorization: Token $(cat ${made.file})" -F file=@`);
  });

  it('names the file of the key at every later start, on a terminal too', () => {
    const { key, file } = readOrMakeKey(folder);
    const later = readOrMakeKey(folder);
    expect(later).toEqual({ key, file, generated: false });
    expect(banner(later, true)).not.toContain(key);
    expect(banner(later, true)).toContain(`$(cat ${file})`);
  });

  it('never shows a key of the setting', () => {
    expect(banner('setting', true)).toContain('curl -H "Authorization: Token $API_KEY"');
  });

  it('quotes a path that the shell would split', () => {
    const source = { key: 'k', file: "/a b/it's/api-key", generated: false };
    expect(banner(source, false)).toContain(`$(cat '/a b/it'\\''s/api-key')`);
  });
});

describe('the key file', () => {
  it('can be read by its owner alone', () => {
    expect(statSync(readOrMakeKey(folder).file).mode & 0o777).toBe(0o600);
  });

  it('takes the new key when its own is rotated, and stays as it is when another is', () => {
    const { key, file } = readOrMakeKey(folder);
    replaceKeyFile(folder, 'another', (old) => old !== key);
    expect(readOrMakeKey(folder).key).toBe(key);
    replaceKeyFile(folder, 'the-new-key-of-the-file', (old) => old === key);
    expect(readFileSync(file, 'utf8')).toBe('the-new-key-of-the-file\n');
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it.each(['', 'short', 'with a space in the middle'])('is refused when it holds "%s"', (text) => {
    writeFileSync(path.join(folder, 'api-key'), text);
    expect(() => readOrMakeKey(folder)).toThrow('no usable API key');
  });
});
