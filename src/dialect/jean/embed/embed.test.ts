/** Vectors are the same everywhere, near for texts that share words, and compared exactly. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { lengthOf, quantize } from './embedding';
import { addCounts, countFeatures, countFields, embedCounts, readCounts, writeCounts } from './feature-hash';
import { BLOCK_VECTORS, VectorBlock } from './vector-block';

const cosine = (a: Int8Array, b: Int8Array) =>
  a.reduce((sum, one, index) => sum + one * (b[index] ?? 0), 0) / (lengthOf(a) * lengthOf(b));
const embed = (text: string) => embedCounts(countFeatures(text)).vector;

describe('feature hashing', () => {
  it('puts texts that share words, or parts of words, nearer than others', () => {
    const runner = embed('I run marathons and cook vegan food');
    const similar = cosine(runner, embed('Running a marathon, cooking vegan'));
    const other = cosine(runner, embed('Tax lawyer from Hamburg who plays chess'));
    expect(similar).toBeGreaterThan(other + 0.2);
    expect(cosine(runner, runner)).toBeCloseTo(1, 10);
  });

  it('gives the same vector in every version of this model', () => {
    const [a, b, c] = [...countFeatures('Vegan nurse')].flatMap((count, dimension) =>
      count === 0 ? [] : [`${dimension}:${count}`],
    );
    expect([a, b, c]).toMatchInlineSnapshot(`
     [
       "108:-1",
       "220:-1",
       "232:1",
     ]
    `);
  });

  it('adds up: two texts are what one text of both is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (one, two) => {
        expect(addCounts(countFeatures(one), countFeatures(two))).toEqual(countFeatures(`${one} ${two}`));
      }),
    );
  });

  it('reads counts back as they were written', () => {
    const counts = countFeatures('some text about somebody');
    expect(readCounts(writeCounts(counts))).toEqual(counts);
    expect(readCounts(null)).toEqual(new Int32Array(1_024));
  });

  it('puts equal fields near each other', () => {
    const fields = (age: number, diet: string) =>
      embedCounts(
        countFields([
          ['age', age],
          ['diet', diet],
        ]),
      ).vector;
    expect(cosine(fields(32, 'vegan'), fields(33, 'vegan'))).toBeGreaterThan(0.9);
    expect(cosine(fields(32, 'vegan'), fields(60, 'halal'))).toBeLessThan(0.3);
  });
});

describe('a block of vectors', () => {
  it.each([1, 16, 100, 1_024])(
    'finds the same cosines as plain arithmetic, in %i dimensions',
    (dimensions) => {
      const vectors = fc.sample(
        fc.array(fc.integer({ min: -127, max: 127 }), {
          minLength: dimensions,
          maxLength: dimensions,
        }),
        30,
      );
      const block = new VectorBlock(dimensions);
      const bytes = vectors.map((one) => Int8Array.from(one));
      for (const [index, one] of bytes.entries()) block.set(index, one);
      for (const query of bytes.slice(0, 5)) {
        const found = new Map<number, number>();
        block.compare(query, (index, score) => found.set(index, score));
        for (const [index, one] of bytes.entries()) {
          if (lengthOf(one) === 0 || lengthOf(query) === 0) expect(found.has(index)).toBe(false);
          else expect(found.get(index)).toBeCloseTo(cosine(query, one), 10);
        }
      }
    },
  );

  it('takes as many vectors as it says', () => {
    const block = new VectorBlock(3);
    block.set(BLOCK_VECTORS - 1, Int8Array.from([1, 2, 3]));
    const found: number[] = [];
    block.compare(Int8Array.from([2, 4, 6]), (index, score) => found.push(index, score));
    expect(found).toEqual([BLOCK_VECTORS - 1, expect.closeTo(1, 10)]);
  });
});

it('quantizing changes a cosine by less than 0.01', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(fc.float({ min: -1, max: 1, noNaN: true }), fc.float({ min: -1, max: 1, noNaN: true })),
        { minLength: 64, maxLength: 64 },
      ),
      (pairs) => {
        const [a, b] = [pairs.map(([one]) => one), pairs.map(([, one]) => one)];
        const dot = (x: number[], y: number[]) =>
          x.reduce((sum, one, index) => sum + one * (y[index] ?? 0), 0);
        const exact = dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
        fc.pre(dot(a, a) > 0.1 && dot(b, b) > 0.1);
        expect(Math.abs(cosine(quantize(a), quantize(b)) - exact)).toBeLessThan(0.01);
      },
    ),
  );
});
