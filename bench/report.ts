/** Words the figures: a table for the terminal, and a Markdown file to keep. */
import type { Figure } from './bench';
import { median } from './statistics';
import { toTextTable } from './text-table';

export interface BenchResult {
  name: string;
  about: string;
  /** What has to be typed to get these figures. */
  command: string;
  figures: Figure[];
  /** Why there are no figures. */
  fault?: string;
}

const HEADINGS = ['figure', 'median', 'minimum', 'maximum', 'n', 'unit', 'goal'];
/** These stand left; the others are numbers. */
const TEXT_COLUMNS = new Set([0, 5, 6]);

/** The table of one bench, with padded columns. */
export function toText(result: BenchResult): string {
  if (result.fault !== undefined) return `${result.name}: ${result.fault}\n`;
  const table = toTextTable([HEADINGS, ...result.figures.map(cells)], TEXT_COLUMNS);
  return `${result.name}: ${result.about}\n${table}`;
}

/**
 * The file of a run.
 * @param plot the file beside it that plotRatios made; undefined = there is none
 */
export function toMarkdown(
  begunAt: Date,
  machine: readonly [name: string, value: string][],
  results: readonly BenchResult[],
  plot: string | undefined,
): string {
  const facts = machine.map(([name, value]) => `- ${name}: ${value}`).join('\n');
  const image = plot === undefined ? '' : `![Ratios to the yardsticks, with their goals](${plot})\n\n`;
  return `# Bench of ${begunAt.toISOString()}\n\n${facts}\n\n${image}${results.map(section).join('\n')}`;
}

function section(result: BenchResult): string {
  const head = `## ${result.name}\n\n${result.about}\n\n\`${result.command}\`\n\n`;
  if (result.fault !== undefined) return `${head}Failed: ${result.fault}\n`;
  const rule = HEADINGS.map((_, column) => (TEXT_COLUMNS.has(column) ? '---' : '---:'));
  const lines = [HEADINGS, rule, ...result.figures.map(cells)].map((line) => `| ${line.join(' | ')} |`);
  return `${head}${lines.join('\n')}\n`;
}

function cells({ name, unit, samples, goal }: Figure): string[] {
  const single = samples.length === 1;
  return [
    name,
    show(median(samples)),
    single ? '' : show(Math.min(...samples)),
    single ? '' : show(Math.max(...samples)),
    String(samples.length),
    unit,
    goal === undefined ? '' : `${goal.text}: ${goal.met ? 'met' : 'MISSED'}`,
  ];
}

/** Three digits at least, and no more behind the point than that takes. */
function show(value: number): string {
  const digits = Number.isInteger(value) || Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 100 ? 1 : 2;
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
