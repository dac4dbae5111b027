/**
 * Finds the fields of a schema in free text by its rules. Deterministic: the same text and schema give the same values,
 * and each one says by which rule and from which place in the text it comes. One sentence is looked at at a time, so a
 * caller may let others run in between.
 */

import { isNumberLike } from '../language/numbers';
import { type Sentence, splitSentences } from '../language/sentences';
import { type Token, tokenize } from '../language/tokens';
import type { FieldValue } from '../schema/definition';
import type { CompiledField, CompiledSchema, Matcher } from './compile';
import { type Match, matchAnywhere, matchAt } from './match';
import { readPlaceTail } from './slots';

/** A value that was found in the text. */
export interface Found {
  value: FieldValue;
  /** Where the rule stands in the definition: `fields.age.extract.0`. */
  rule: string;
  /** Place in the text in UTF-16 code units, `end` behind the last one. Of a list one for each element. */
  spans: { start: number; end: number }[];
}

interface Candidate extends Found {
  rank: number;
}

/** Most elements of a list. */
const MAX_ITEMS = 200;
const HAS_WORD = /[\p{L}\p{N}]/u;
const CLAUSE_MARKS = new Set([',', ';', ':', '.', '(', ')', '!', '?']);

/**
 * Extracts step by step: a sentence for each `next()`. The last value of the generator is what was found, by field.
 */
export function* extractBySentence(
  schema: CompiledSchema,
  text: string,
): Generator<void, Map<string, Found>> {
  const found = new Map<string, Candidate>();
  for (const sentence of splitSentences(text)) {
    readSentence(schema, sentence, found);
    yield;
  }
  return new Map([...found].map(([name, { value, rule, spans }]) => [name, { value, rule, spans }]));
}

function readSentence(
  schema: CompiledSchema,
  { text, offset }: Sentence,
  found: Map<string, Candidate>,
): void {
  if (!HAS_WORD.test(text)) return;
  const tokens = tokenize(text, offset);
  for (const [field, places] of placesByField(schema, tokens)) {
    let taken = 0;
    for (const at of places) {
      // A word of an item of a list is no item of its own: "video games" is not "video".
      if (at < taken) continue;
      const best = readBest(field, tokens, at);
      if (best === undefined) continue;
      if (field.definition.type === 'list') taken = best.end;
      keep(found, field, best.candidate);
    }
  }
}

/** Where something of each field may begin. Most words begin nothing, so they cost one lookup. */
function placesByField(schema: CompiledSchema, tokens: readonly Token[]): Map<CompiledField, number[]> {
  const places = new Map<CompiledField, number[]>();
  const add = (fields: readonly CompiledField[] | undefined, at: number) => {
    for (const field of fields ?? []) {
      const list = places.get(field);
      if (list === undefined) places.set(field, [at]);
      else if (list.at(-1) !== at) list.push(at);
    }
  };
  for (const [at, token] of tokens.entries()) {
    add(schema.byWord.get(token.norm), at);
    if (token.lemma !== token.norm) add(schema.byWord.get(token.lemma), at);
    if (at === 0) add(schema.atStart, at);
    if (isNumberLike(token)) add(schema.atNumber, at);
    add(schema.anywhere, at);
  }
  return places;
}

function keep(found: Map<string, Candidate>, field: CompiledField, candidate: Candidate): void {
  const known = found.get(field.name);
  if (known === undefined) found.set(field.name, candidate);
  else if (field.definition.type === 'list') addItem(known, candidate);
  else if (candidate.rank < known.rank) found.set(field.name, candidate);
}

function addItem(list: Candidate, { value, spans }: Candidate): void {
  const items = list.value as string[];
  const [item] = value as string[];
  if (item === undefined || items.includes(item) || items.length >= MAX_ITEMS) return;
  items.push(item);
  list.spans.push(...spans);
}

/** What the best rule says that matches here: the first one, and of equal ones the longest match. */
function readBest(
  field: CompiledField,
  tokens: readonly Token[],
  at: number,
): { candidate: Candidate; end: number } | undefined {
  let best: { matcher: Matcher; match: Match; value: FieldValue } | undefined;
  for (const matcher of matchersAt(field, tokens, at)) {
    if (best !== undefined && matcher.rank > best.matcher.rank) continue;
    const match = matchAt(matcher, field, tokens, at);
    if (match === undefined) continue;
    if (best !== undefined && matcher.rank === best.matcher.rank && match.end <= best.match.end) continue;
    const value = valueFrom(matcher, match, field, tokens, at);
    if (value !== undefined) best = { matcher, match, value };
  }
  if (best === undefined) return undefined;
  const { match, matcher, value } = best;
  const start = tokens[at]?.start ?? 0;
  const candidate = {
    value: field.definition.type === 'list' ? [value as string] : value,
    rank: matcher.rank,
    rule: `fields.${field.name}.${matcher.rule}`,
    spans: [{ start, end: tokens[match.end - 1]?.end ?? start }],
  };
  return { candidate, end: match.end };
}

function matchersAt(field: CompiledField, tokens: readonly Token[], at: number): Matcher[] {
  const { norm = '', lemma = '' } = tokens[at] ?? {};
  const matchers = [...(field.byWord.get(norm) ?? [])];
  if (lemma !== norm) matchers.push(...(field.byWord.get(lemma) ?? []));
  if (at === 0) matchers.push(...field.atStart);
  matchers.push(...field.atValue);
  return matchers;
}

/** The value of a match; undefined when a negation or a guard forbids it. */
function valueFrom(
  matcher: Matcher,
  match: Match,
  field: CompiledField,
  tokens: readonly Token[],
  at: number,
): FieldValue | undefined {
  if (matcher.unless.length > 0) {
    const clause = clauseOf(tokens, at, match.end);
    if (matcher.unless.some((sequence) => matchAnywhere(sequence, field, clause))) return undefined;
  }
  const { definition } = field;
  const isNegated = matcher.negated !== 'ignore' && isNegatedAt(tokens, at);
  if (isNegated && (matcher.negated === 'skip' || definition.type !== 'boolean')) return undefined;
  const value = matcher.takesMatch ? textOf(tokens, at, match.end) : (matcher.value ?? match.value);
  if (value === undefined) return undefined;
  if (typeof value === 'boolean') return isNegated ? !value : value;
  if (definition.type === 'integer' || definition.type === 'number') {
    return typeof value === 'number' ? bounded(value, matcher, match, definition) : undefined;
  }
  if (definition.type === 'location' && matcher.rule.startsWith('values.')) {
    const tail = readPlaceTail(tokens, match.end, field);
    match.end += tail.length;
    return `${value}${tail.text}`;
  }
  return typeof value === 'string' ? value : undefined;
}

function bounded(
  value: number,
  matcher: Matcher,
  match: Match,
  definition: { type: 'integer' | 'number'; minimum?: number | undefined; maximum?: number | undefined },
): number | undefined {
  const exact = matcher.value === undefined ? value * matcher.scale + match.plus * matcher.plusScale : value;
  const rounded = definition.type === 'integer' ? Math.round(exact) : Math.round(exact * 100) / 100;
  if (definition.minimum !== undefined && rounded < definition.minimum) return undefined;
  if (definition.maximum !== undefined && rounded > definition.maximum) return undefined;
  return rounded;
}

/** A number is not negated itself but by what stands before it in its clause, and so is a name. */
function isNegatedAt(tokens: readonly Token[], at: number): boolean {
  return tokens[at]?.isNegated ?? false;
}

/** A guard may stand so many words behind the match, as in "Paris born". */
const GUARD_WORDS_BEHIND = 2;

/** From the last mark or "but" before the match to a little behind it. Marks of the match itself do not count. */
function clauseOf(tokens: readonly Token[], start: number, end: number): readonly Token[] {
  let from = start;
  let to = end;
  if (!isBoundary(tokens[start])) while (from > 0 && !isBoundary(tokens[from - 1])) from--;
  if (!isBoundary(tokens[end - 1])) {
    while (to < tokens.length && to - end < GUARD_WORDS_BEHIND && !isBoundary(tokens[to])) to++;
  }
  return tokens.slice(from, to);
}

function isBoundary(token: Token | undefined): boolean {
  return token === undefined || CLAUSE_MARKS.has(token.norm) || token.norm === 'but';
}

function textOf(tokens: readonly Token[], start: number, end: number): string {
  let text = '';
  for (const [index, token] of tokens.slice(start, end).entries()) {
    const isGlued = index > 0 && tokens[start + index - 1]?.end === token.start;
    text += index === 0 || isGlued ? token.norm : ` ${token.norm}`;
  }
  return text;
}
