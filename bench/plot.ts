/**
 * Draws the ratios to the yardsticks as one SVG: a bar for each, from 1 x to its median, on a log scale, with the range of
 * its samples and its goal. Readable on a light and on a dark page; it loads nothing, and no meaning is in colours alone.
 */
import type { Figure } from './bench';
import type { BenchResult } from './report';
import { median } from './statistics';

const WIDTH = 840;
const LEFT = 20;
const RIGHT = WIDTH - 20;
const TOP = 64;
const HEADING_HEIGHT = 34;
const ROW_HEIGHT = 46;
const BAR_HEIGHT = 14;
const AXIS_HEIGHT = 28;
/** Where the bar begins below the top of its row, under its words. */
const BAR_OFFSET = 22;
/** Free space beyond the outermost value, as a factor. */
const MARGIN = 1.3;

const STYLE = `
svg { background: #ffffff; font: 13px system-ui, sans-serif; fill: #1f2328 }
text { paint-order: stroke; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round }
.title { font-size: 16px; font-weight: 600 } .heading { font-weight: 600 } .quiet { fill: #59636e; font-size: 12px }
.grid { stroke: #d1d9e0 } .one { stroke: #59636e } .range { stroke: #1f2328 } .goal { stroke: #1f2328; stroke-width: 3 }
.met { fill: #4c8dd6 } .missed { fill: #d97706 }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117; fill: #e6edf3 } text { stroke: #0d1117 }
  .quiet { fill: #9198a1 } .grid { stroke: #2f3742 } .one { stroke: #9198a1 }
  .range, .goal { stroke: #e6edf3 } .met { fill: #3b74b8 } .missed { fill: #b45f06 }
}`;

interface Ratio {
  name: string;
  samples: number[];
  median: number;
  /** Undefined when it has no goal. */
  goal: { value: number; text: string; met: boolean } | undefined;
}

/**
 * The text of the SVG, or undefined when there is no ratio in the results. A ratio that could not be measured (no sample
 * that is a number above 0) is left out: the table says why.
 */
export function plotRatios(results: readonly BenchResult[]): string | undefined {
  const groups = results
    .map(({ name, figures }) => ({ name, ratios: figures.flatMap(toRatio) }))
    .filter(({ ratios }) => ratios.length > 0);
  if (groups.length === 0) return undefined;
  const all = groups.flatMap(({ ratios }) => ratios);
  const bottom = TOP + groups.length * HEADING_HEIGHT + all.length * ROW_HEIGHT;
  const scale = makeScale(all.flatMap(({ samples, goal }) => [...samples, goal?.value ?? 1]));
  const parts: string[] = [
    text(LEFT, 26, 'title', 'Muster as a multiple of each yardstick'),
    text(LEFT, 46, 'quiet', 'Bar: median. Thin line: minimum to maximum. Thick mark: goal. Log scale.'),
    ...axis(scale, bottom),
  ];
  let y = TOP;
  for (const { name, ratios } of groups) {
    parts.push(text(LEFT, y + 22, 'heading', name));
    y += HEADING_HEIGHT;
    for (const ratio of ratios) {
      parts.push(...row(ratio, y, scale));
      y += ROW_HEIGHT;
    }
  }
  const size = `viewBox="0 0 ${WIDTH} ${bottom + AXIS_HEIGHT}" width="${WIDTH}" height="${bottom + AXIS_HEIGHT}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">
<title>Muster as a multiple of each yardstick</title>
<style>${STYLE}
</style>
${parts.join('\n')}
</svg>
`;
}

function toRatio({ name, samples, goal, better }: Figure): Ratio[] {
  if (better === undefined || !samples.every((one) => Number.isFinite(one) && one > 0)) return [];
  if (samples.length === 0) return [];
  // A goal is kept as the words of the table, such as `<= 0.25 x`.
  const value = Number(/\d+(\.\d+)?/.exec(goal?.text ?? '')?.[0]);
  return [
    { name, samples, median: median(samples), goal: goal && value > 0 ? { ...goal, value } : undefined },
  ];
}

interface Scale {
  /** Where a ratio stands. */
  x(ratio: number): number;
  /** The ratios 1, 2 and 5 times a power of ten that it shows. */
  ticks: number[];
}

function makeScale(values: readonly number[]): Scale {
  const lowest = Math.log10(Math.min(1, ...values) / MARGIN);
  const highest = Math.log10(Math.max(1, ...values) * MARGIN);
  const x = (ratio: number) => LEFT + ((Math.log10(ratio) - lowest) / (highest - lowest)) * (RIGHT - LEFT);
  const decades = Array.from(
    { length: Math.ceil(highest) - Math.floor(lowest) + 1 },
    (_, n) => Math.floor(lowest) + n,
  );
  const ticks = decades
    .flatMap((decade) => [1, 2, 5].map((step) => Number((step * 10 ** decade).toPrecision(1))))
    .filter((tick) => Math.log10(tick) >= lowest && Math.log10(tick) <= highest);
  return { x, ticks };
}

function axis({ x, ticks }: Scale, bottom: number): string[] {
  return ticks.flatMap((tick) => [
    line(x(tick), TOP, bottom, tick === 1 ? 'one' : 'grid'),
    text(x(tick), bottom + 18, 'quiet', `${tick} x`, 'middle'),
  ]);
}

function row({ name, samples, median: middle, goal }: Ratio, y: number, { x }: Scale): string[] {
  const top = y + BAR_OFFSET;
  const [from, to] = [Math.min(x(1), x(middle)), Math.max(x(1), x(middle))];
  const verdict = goal === undefined ? '' : `, goal ${goal.text}: ${goal.met ? 'met' : 'MISSED'}`;
  const center = top + BAR_HEIGHT / 2;
  return [
    text(LEFT, y + 15, 'name', name),
    text(RIGHT, y + 15, 'value', `${Number(middle.toPrecision(3))} x${verdict}`, 'end'),
    `<rect class="${goal?.met === false ? 'missed' : 'met'}" x="${round(from)}" y="${top}" width="${round(to - from)}" height="${BAR_HEIGHT}"/>`,
    `<line class="range" x1="${round(x(Math.min(...samples)))}" x2="${round(x(Math.max(...samples)))}" y1="${center}" y2="${center}"/>`,
    ...(goal === undefined ? [] : [line(x(goal.value), top - 4, top + BAR_HEIGHT + 4, 'goal')]),
  ];
}

function line(x: number, from: number, to: number, kind: string): string {
  return `<line class="${kind}" x1="${round(x)}" x2="${round(x)}" y1="${from}" y2="${to}"/>`;
}

function text(x: number, y: number, kind: string, words: string, anchor = 'start'): string {
  return `<text class="${kind}" x="${round(x)}" y="${y}" text-anchor="${anchor}">${escapeXml(words)}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeXml(words: string): string {
  return words
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
