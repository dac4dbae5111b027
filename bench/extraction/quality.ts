/**
 * Precision and recall of the extraction on labelled texts, by field. A value counts as right when it is the label, in any
 * case of letters; of a list each element counts. Where the label is absent, any value is wrong.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { compile } from '#dialect/jean/extract/compile';
import { extractBySentence, type Found } from '#dialect/jean/extract/extract';
import { readDefinition } from '#dialect/jean/schema/definition';

export const DOMAINS = ['dating', 'hiring'] as const;
export type Domain = (typeof DOMAINS)[number];
export type Part = 'tuning' | 'held-out';

/** How often extraction was right, said something wrong, and missed something. */
export interface Tally {
  right: number;
  wrong: number;
  missed: number;
}

export interface Quality {
  byField: ReadonlyMap<string, Tally>;
  all: Tally;
}

// By the package's own name, so that the files are found from the sources and from the build alike.
const ROOT = path.dirname(require.resolve('muster/package.json'));

/** Runs the example schema of the domain over the texts of a part. */
export function measureQuality(domain: Domain, part: Part): Quality {
  const schema = compileExample(domain);
  const byField = new Map(schema.fields.map(({ name }) => [name, { right: 0, wrong: 0, missed: 0 }]));
  for (const { text, fields } of readTexts(domain, part)) {
    const found = extract(schema, text);
    for (const [name, tally] of byField) count(tally, itemsOf(found.get(name)?.value), itemsOf(fields[name]));
  }
  const all = { right: 0, wrong: 0, missed: 0 };
  for (const { right, wrong, missed } of byField.values()) {
    all.right += right;
    all.wrong += wrong;
    all.missed += missed;
  }
  return { byField, all };
}

/** Of what was extracted, the share that is right; 1 when nothing was extracted. */
export function precisionOf({ right, wrong }: Tally): number {
  return right + wrong === 0 ? 1 : right / (right + wrong);
}

/** Of what is in the texts, the share that was found; 1 when there is nothing. */
export function recallOf({ right, missed }: Tally): number {
  return right + missed === 0 ? 1 : right / (right + missed);
}

/** The example schema of the domain, ready to extract. @throws Error when it is wrong */
export function compileExample(domain: Domain): ReturnType<typeof compile> {
  const text = readFileSync(path.join(ROOT, 'examples/schemas', `${domain}.json`), 'utf8');
  const read = readDefinition(JSON.parse(text));
  if ('faults' in read) throw new Error(JSON.stringify(read.faults));
  return compile(read.definition);
}

export interface LabelledText {
  text: string;
  fields: Record<string, unknown>;
}

export function readTexts(domain: Domain, part: Part): LabelledText[] {
  const file = path.join(ROOT, 'bench/extraction/texts', `${domain}.${part}.ndjson`);
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as LabelledText);
}

/** Extracts without a pause. */
export function extract(schema: ReturnType<typeof compile>, text: string): Map<string, Found> {
  const sentences = extractBySentence(schema, text);
  for (;;) {
    const step = sentences.next();
    if (step.done) return step.value;
  }
}

function itemsOf(value: unknown): string[] {
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : [value]).map((item) => String(item).toLowerCase());
}

function count(tally: Tally, found: readonly string[], wanted: readonly string[]): void {
  for (const item of found) {
    if (wanted.includes(item)) tally.right++;
    else tally.wrong++;
  }
  tally.missed += wanted.filter((item) => !found.includes(item)).length;
}
