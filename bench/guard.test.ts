/** What the guard calls worse, and what it notes. */
import { describe, expect, it } from '@jest/globals';
import type { Figure } from './bench';
import { compareRatios, noteRatios } from './guard';

function figure(samples: number[], better?: 'higher' | 'lower'): Figure {
  return { name: 'ratio', unit: 'x', samples, ...(better && { better }) };
}

/** The verdict on a ratio that was noted as 1. */
function verdict(samples: number[], better: 'higher' | 'lower') {
  return compareRatios([figure(samples, better)], { ratio: 1 })[0]?.verdict;
}

describe('the guard', () => {
  it('calls a ratio worse when its median is more than 25 % off to the bad side', () => {
    expect(verdict([0.74], 'higher')).toBe('WORSE');
    expect(verdict([1.26], 'lower')).toBe('WORSE');
  });

  it('tolerates 25 %, and any improvement', () => {
    expect(verdict([0.75], 'higher')).toBe('as noted');
    expect(verdict([1.25], 'lower')).toBe('as noted');
    expect(verdict([2], 'higher')).toBe('better');
    expect(verdict([0.5], 'lower')).toBe('better');
  });

  it('goes by the median, not by one bad repetition', () => {
    expect(verdict([0.1, 1, 1.1], 'higher')).toBe('as noted');
  });

  it('never lets a ratio pass that could not be measured', () => {
    expect(verdict([], 'higher')).toBe('NOT MEASURED');
    expect(verdict([Number.NaN], 'lower')).toBe('NOT MEASURED');
  });

  it('looks at ratios only', () => {
    expect(compareRatios([figure([4])], { ratio: 1 })).toEqual([]);
  });

  it('says of a new ratio that it is not noted yet', () => {
    expect(compareRatios([figure([4], 'lower')], {})[0]?.verdict).toBe('not noted yet');
  });

  it('notes the worst of what was measured, and keeps what was not', () => {
    const compared = [
      ...compareRatios([{ ...figure([0.9, 0.61234, 0.7], 'higher'), name: 'b' }], {}),
      ...compareRatios([{ ...figure([0.9, 1.5, 0.7], 'lower'), name: 'd' }], {}),
      ...compareRatios([{ ...figure([], 'higher'), name: 'c' }], {}),
    ];
    expect(noteRatios(compared, { c: 3, a: 1 })).toEqual({ a: 1, b: 0.612, c: 3, d: 1.5 });
    expect(Object.keys(noteRatios(compared, { c: 3, a: 1 }))).toEqual(['a', 'b', 'c', 'd']);
  });
});
