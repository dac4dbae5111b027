import { expect, it } from '@jest/globals';
import { createTurns } from './turns';

/** Work that goes on until it is told to end; notes its name when it begins. */
function createWork() {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const work = (name: string) => () => {
    begun.push(name);
    return new Promise<void>((resolve) => ends.set(name, resolve));
  };
  const end = async (name: string) => {
    ends.get(name)?.();
    await begin();
  };
  return { begun, work, end };
}

/** Until what may begin has begun. */
const begin = () => new Promise((resolve) => setImmediate(resolve));

it('owners take turns, however much work one of them has', async () => {
  const inTurn = createTurns({ ofAll: 2, ofOne: 2 });
  const { begun, work, end } = createWork();
  for (const name of ['a1', 'a2', 'a3', 'a4', 'a5']) void inTurn(1, work(name));
  void inTurn(2, work('b1'));
  void inTurn(2, work('b2'));
  await begin();
  expect(begun).toEqual(['a1', 'a2']);
  for (const name of ['a1', 'a2', 'a3', 'b1', 'a4', 'b2', 'a5']) await end(name);
  expect(begun).toEqual(['a1', 'a2', 'a3', 'b1', 'a4', 'b2', 'a5']);
});

it('one owner has no more than its part at a time, though nobody else wants the rest', async () => {
  const inTurn = createTurns({ ofAll: 5, ofOne: 2 });
  const { begun, work, end } = createWork();
  for (const name of ['a1', 'a2', 'a3']) void inTurn(1, work(name));
  await begin();
  expect(begun).toEqual(['a1', 'a2']);
  void inTurn(2, work('b1'));
  await begin();
  expect(begun).toEqual(['a1', 'a2', 'b1']);
  await end('a2');
  expect(begun).toEqual(['a1', 'a2', 'b1', 'a3']);
});

it('work that fails gives its place on, and its caller the error', async () => {
  const inTurn = createTurns({ ofAll: 1, ofOne: 1 });
  const failing = inTurn(1, () => Promise.reject(new Error('no')));
  const next = inTurn(1, async () => 'done');
  await expect(failing).rejects.toThrow('no');
  expect(await next).toBe('done');
});
