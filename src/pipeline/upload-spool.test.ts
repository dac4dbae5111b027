import { afterEach, expect, it } from '@jest/globals';
import { type Staged, UploadSpool } from './upload-spool';

const spool = new UploadSpool();
afterEach(() => spool.close());

const piece = (text: string, ...tails: string[]): Staged => ({
  rows: Buffer.from(text),
  tails: tails.map((tail, n) => ({ row: 7, piece: n, raw: Buffer.from(tail) })),
});

async function readAll(from: number, to: number): Promise<Staged[]> {
  const read: Staged[] = [];
  for await (const one of spool.read(from, to)) read.push(one);
  return read;
}

it('gives the pieces back in their order, any part of them and as often as asked', async () => {
  const pieces = [piece('first'), piece('', 'tail 0', '', 'tail 2'), piece('third', 'x'.repeat(100_000))];
  for (const one of pieces) await spool.add(one);
  expect(spool.pieces).toBe(3);
  expect(await readAll(0, 10)).toEqual(pieces);
  expect(await readAll(1, 2)).toEqual(pieces.slice(1, 2));
  expect(await readAll(2, 3)).toEqual(pieces.slice(2, 3));
});

it('has nothing and can be closed again when nothing was added or it is closed', async () => {
  expect(spool.pieces).toBe(0);
  await spool.add(piece('x'));
  await spool.close();
  await spool.close();
  expect(spool.pieces).toBe(0);
  expect(await readAll(0, 1)).toEqual([]);
});
