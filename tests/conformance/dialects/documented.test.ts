/** docs/dialects.md says which test checks each point. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from '@jest/globals';

const ROOT = path.resolve(__dirname, '../../..');

/** The last cell of each row of the tables: names of tests, below `tests` or of a file in `src`. */
function namedTests(): string[] {
  const page = readFileSync(path.join(ROOT, 'docs/dialects.md'), 'utf8');
  const cells = page.split('\n').flatMap((line) => /\|([^|]*)\|$/.exec(line)?.[1] ?? []);
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name));
}

it('every test that docs/dialects.md names exists', () => {
  const names = namedTests();
  expect(names.length).toBeGreaterThan(30);
  const missing = names.filter((name) => {
    const file = name.startsWith('src/') ? name : `tests/${name}`;
    return !existsSync(path.join(ROOT, `${file}.test.ts`)) && !existsSync(path.join(ROOT, file));
  });
  expect(missing).toEqual([]);
});
