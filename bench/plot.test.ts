/** What a reader of the plot can rely on. */
import { describe, expect, it } from '@jest/globals';
import type { Figure } from './bench';
import { ratio } from './compare';
import { plotRatios } from './plot';
import type { BenchResult } from './report';

function resultOf(...figures: Figure[]): BenchResult {
  return { name: 'accept', about: 'about', command: 'command', figures };
}

/** The attribute of the first element that matches. */
function attribute(svg: string, element: RegExp, name: string): number {
  return Number(new RegExp(`${name}="([^"]+)"`).exec(element.exec(svg)?.[0] ?? '')?.[1]);
}

const TWICE = ratio('twice', [2, 2.2, 1.8], [1, 1, 1], { atMost: 3 });
const HALF = ratio('half', [0.5], [1], { atLeast: 0.6 });

describe('the plot of ratios', () => {
  it('says the median, the goal and whether it is met, in words', () => {
    const svg = plotRatios([resultOf(TWICE, HALF)]) ?? '';
    expect(svg).toContain('>2 x, goal &lt;= 3 x: met<');
    expect(svg).toContain('>0.5 x, goal &gt;= 0.6 x: MISSED<');
  });

  it('draws twice as much and half as much equally long, to either side of 1 x', () => {
    const svg = plotRatios([resultOf(TWICE, HALF)]) ?? '';
    const twice = attribute(svg, /<rect class="met".*/, 'width');
    const half = attribute(svg, /<rect class="missed".*/, 'width');
    expect(Math.abs(twice - half)).toBeLessThanOrEqual(0.2);
    const one = attribute(svg, /<line class="one".*/, 'x1');
    expect(attribute(svg, /<rect class="met".*/, 'x')).toBe(one);
    expect(attribute(svg, /<rect class="missed".*/, 'x') + half).toBeCloseTo(one, 0);
  });

  it('marks the goal beyond the bar of a ratio that is better than its goal', () => {
    const svg = plotRatios([resultOf(TWICE)]) ?? '';
    const end = attribute(svg, /<rect.*/, 'x') + attribute(svg, /<rect.*/, 'width');
    expect(attribute(svg, /<line class="goal".*/, 'x1')).toBeGreaterThan(end);
  });

  it('shows ratios only, and only those that were measured', () => {
    const failed = ratio('failed', [1], [], { atMost: 1 });
    const svg = plotRatios([
      resultOf(
        TWICE,
        failed,
        { ...HALF, name: 'empty', samples: [] },
        { name: 'time', unit: 'ms', samples: [4] },
      ),
    ]);
    expect(svg?.match(/<rect/g)).toHaveLength(1);
  });

  it('is none when there is no ratio', () => {
    expect(plotRatios([resultOf({ name: 'time', unit: 'ms', samples: [4] })])).toBeUndefined();
    expect(plotRatios([{ ...resultOf(), fault: 'The peer could not be installed.' }])).toBeUndefined();
  });

  it('has colours for a dark page and loads nothing', () => {
    const svg = plotRatios([resultOf(TWICE)]) ?? '';
    expect(svg).toContain('prefers-color-scheme: dark');
    expect(svg.replace('xmlns="http://www.w3.org/2000/svg"', '')).not.toMatch(/https?:|url\(|@import|href/);
  });

  it('takes names with any character', () => {
    const svg = plotRatios([resultOf({ ...TWICE, name: 'a < b & "c"' })]);
    expect(svg).toContain('>a &lt; b &amp; &quot;c&quot;<');
  });
});
