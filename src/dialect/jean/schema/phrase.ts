/**
 * The small language of phrases, in which a schema says how people write something:
 *
 *     i (am|'m) {value} years? old
 *
 * Words match in any case; `word~` matches any form of the word; `(a|b c)` is one of several; `?` behind a word or group
 * makes it optional; `{value}` is the value, `{plus}` a second number that is added; `*3` is up to three words; `{start}` and
 * `{end}` are the start and the end of a sentence. A phrase is expanded to plain sequences once, so matching never backtracks far.
 */

export type Element =
  | { kind: 'words'; texts: readonly string[]; anyForm: boolean }
  | { kind: 'value' }
  | { kind: 'plus' }
  | { kind: 'gap'; most: number }
  | { kind: 'start' }
  | { kind: 'end' };

export type Sequence = readonly Element[];

const MAX_SEQUENCES = 64;
const MAX_ELEMENTS = 24;
const MAX_GAP = 5;
const MAX_GAPS = 2;

/**
 * @returns the sequences that the phrase stands for, or what is wrong with it
 */
export function readPhrase(text: string): Sequence[] | string {
  const parts = splitParts(text);
  if (typeof parts === 'string') return parts;
  let sequences: Element[][] = [[]];
  for (const part of parts) {
    const choices = readPart(part);
    if (typeof choices === 'string') return choices;
    sequences = sequences.flatMap((sequence) => choices.map((choice) => [...sequence, ...choice]));
    if (sequences.length > MAX_SEQUENCES) return `has more than ${MAX_SEQUENCES} variants`;
  }
  sequences = sequences.filter((sequence) =>
    sequence.some(({ kind }) => kind === 'words' || kind === 'value'),
  );
  if (sequences.length === 0) return 'must have a word';
  for (const sequence of sequences) {
    if (sequence.length > MAX_ELEMENTS) return `has more than ${MAX_ELEMENTS} words`;
    if (sequence.filter(({ kind }) => kind === 'gap').length > MAX_GAPS)
      return `has more than ${MAX_GAPS} gaps`;
    if (sequence.filter(({ kind }) => kind === 'value').length > 1) return 'has {value} more than once';
    if (sequence[0]?.kind === 'gap') return 'must not begin with a gap';
  }
  return sequences;
}

const SLOTS: Readonly<Record<string, 'value' | 'plus' | 'start' | 'end'>> = {
  '{value}': 'value',
  '{plus}': 'plus',
  '{start}': 'start',
  '{end}': 'end',
};

/** Words, groups and marks, apart from each other. */
function splitParts(text: string): string[] | string {
  const parts: string[] = [];
  let depth = 0;
  let part = '';
  for (const character of text) {
    if (character === '(') depth++;
    if (character === ')') depth--;
    if (depth < 0 || depth > 1) return 'has unbalanced or nested parentheses';
    if (depth === 0 && (character === ' ' || character === '\t')) {
      if (part !== '') parts.push(part);
      part = '';
    } else part += character;
  }
  if (depth !== 0) return 'has unbalanced or nested parentheses';
  if (part !== '') parts.push(part);
  return parts;
}

/** The alternatives of one part; an optional one has the empty alternative too. */
function readPart(part: string): Element[][] | string {
  if (part.length > 1 && part.endsWith('?')) {
    const choices = readPart(part.slice(0, -1));
    return typeof choices === 'string' ? choices : [...choices, []];
  }
  const slot = SLOTS[part];
  if (slot !== undefined) return [[{ kind: slot }]];
  if (part.startsWith('*') && part.length > 1) {
    const most = Number(part.slice(1));
    return Number.isInteger(most) && most >= 1 && most <= MAX_GAP
      ? [[{ kind: 'gap', most }]]
      : `has a gap that is not *1 to *${MAX_GAP}`;
  }
  if (part.startsWith('(')) return readGroup(part);
  if (part.includes('(') || part.includes('{'))
    return 'has a group or slot that is not apart from its neighbors';
  return [[readWord(part)]];
}

/** Single words of a group are one element, so that long lists cost nothing. */
function readGroup(part: string): Element[][] | string {
  if (!part.endsWith(')')) return 'has a group that is not apart from its neighbors';
  const choices = part
    .slice(1, -1)
    .split('|')
    .map((choice) => choice.trim().split(/ +/));
  if (choices.some(([first]) => first === '' || first === undefined)) return 'has an empty alternative';
  const marks = choices.flatMap((choice) => (choice.length === 1 ? (SLOTS[choice[0] ?? ''] ?? []) : []));
  if (marks.some((kind) => kind !== 'start' && kind !== 'end')) return 'has a slot inside a group';
  const singles = choices.flatMap(([word = '', ...more]) =>
    more.length === 0 && SLOTS[word] === undefined ? [word] : [],
  );
  const exact = singles.filter((word) => !word.endsWith('~'));
  const loose = singles.filter((word) => word.endsWith('~')).map((word) => word.slice(0, -1));
  const several = choices.filter((choice) => choice.length > 1);
  return [
    ...(exact.length > 0 ? [[{ kind: 'words' as const, texts: exact, anyForm: false }]] : []),
    ...(loose.length > 0 ? [[{ kind: 'words' as const, texts: loose, anyForm: true }]] : []),
    ...marks.map((kind) => [{ kind }]),
    ...several.map((choice) => choice.map(readWord)),
  ];
}

function readWord(word: string): Element {
  const anyForm = word.length > 1 && word.endsWith('~');
  return { kind: 'words', texts: [anyForm ? word.slice(0, -1) : word], anyForm };
}
