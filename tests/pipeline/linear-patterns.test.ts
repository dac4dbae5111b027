/** Every pattern that may meet bytes of a client takes time in proportion to them, whatever they are. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parseSync } from '@swc/core';
import { readRow } from '#pipeline/read-row';

/** Where bytes of clients are looked at. */
const FOLDERS = ['src/pipeline', 'src/dialect', 'src/job', 'src/file', 'apps/api'];
const MB = 1024 * 1024;
const MAX_MS = 20;
const TRIES = 20;

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => path.join(folder, file));
}

/** Every regular expression that is written in a file. */
function patternsOf(file: string): { name: string; pattern: RegExp }[] {
  const found: { name: string; pattern: RegExp }[] = [];
  const look = (node: unknown): void => {
    if (Array.isArray(node)) for (const one of node) look(one);
    else if (typeof node === 'object' && node !== null) {
      const { type, pattern, flags } = node as { type?: string; pattern?: string; flags?: string };
      if (type === 'RegExpLiteral' && pattern !== undefined) {
        found.push({ name: `${file} /${pattern}/${flags}`, pattern: new RegExp(pattern, flags) });
      }
      for (const value of Object.values(node)) look(value);
    }
  };
  look(parseSync(readFileSync(file, 'utf8'), { syntax: 'typescript' }));
  return found;
}

/** Strings on which patterns that look back, or begin anew at every place, take the square of the length. */
const ADVERSARIES = [
  '1',
  '0',
  ' ',
  '\t',
  '"',
  '\\',
  '":',
  '1e',
  '1.',
  ': 1',
  '-',
  '.',
  ':',
  '%',
  'a',
  'a-',
  'a=',
  ';=',
  '{',
  '\n',
  '12345678901234567890 ',
].flatMap((unit) => {
  const text = unit.repeat(MB / unit.length);
  return [text, `${text}!`, `"${text}`, `token ${text} `];
});

const patterns = FOLDERS.flatMap(sourceFiles).flatMap(patternsOf);

/** The least processor time of some tries: the machine has other work too. */
function leastMs(run: () => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let n = 0; n < TRIES && least >= MAX_MS; n++) {
    const begun = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(begun);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

describe('a string of 1 MiB', () => {
  it('is looked for by patterns that this test has really found', () => {
    expect(patterns.length).toBeGreaterThan(15);
  });

  it.each(patterns.map((one) => [one.name, one.pattern] as const))(
    'takes %s less than 20 ms',
    (_, pattern) => {
      const slow = ADVERSARIES.map((text) => {
        pattern.lastIndex = 0;
        return { begins: text.slice(0, 12), ms: leastMs(() => pattern.exec(text)) };
      }).filter(({ ms }) => ms >= MAX_MS);
      expect(slow).toEqual([]);
    },
  );

  it.each(['1'.repeat(299).concat(' '), '1', '1e'])(
    'of %s as text of a row is read in half a second',
    (unit) => {
      const text = unit.repeat(Math.floor((MB - 100) / unit.length / 17)).slice(0, 60_000);
      const metadata = Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`k${n}`, text]));
      const raw = Buffer.from(JSON.stringify({ user_id: 'u', metadata }));
      expect(leastMs(() => readRow(raw, 'user'))).toBeLessThan(500);
    },
  );
});
