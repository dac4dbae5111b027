/**
 * A sentence as tokens: words, numbers and marks with their place in the text, their base form and whether they are
 * negated. wink-nlp does the work; what it leaves to the context (hyphens, a dot behind a word) is made uniform here, so
 * that a phrase of a schema and the text that it is looked for in are cut in the same way.
 */
import model from 'wink-eng-lite-web-model';
import winkNLP, { type ItsFunction } from 'wink-nlp';

export interface Token {
  /** As in the text. */
  text: string;
  /** In lower case. */
  norm: string;
  /** Base form in lower case: `run` for `running`. */
  lemma: string;
  kind: 'word' | 'number' | 'mark';
  /** Begins with a capital letter. */
  isCapitalized: boolean;
  /** A negation such as "not" or "never" before it holds for it. */
  isNegated: boolean;
  /** Place in the text, in UTF-16 code units; `end` is behind the last one. */
  start: number;
  end: number;
}

const nlp = winkNLP(model, ['pos', 'negation']);
const { its } = nlp;

const PARTS = /[\p{L}\p{N}.+#&'_]+/gu;
const DIGITS_THEN_LETTERS = /^(\d+)([a-z]+)$/i;

/** @param offset of the sentence in the whole text */
export function tokenize(sentence: string, offset = 0): Token[] {
  // Of the same length, so that places stay.
  const text = sentence
    .replaceAll('\u2019', "'")
    .replaceAll('\u2018', "'")
    .replaceAll('\u2013', '-')
    .replaceAll('\u201d', '"');
  const tokens = nlp.readDoc(text).tokens();
  const values = tokens.out(its.value) as string[];
  const lemmas = tokens.out(its.lemma as unknown as ItsFunction<string>) as string[];
  const types = tokens.out(its.type) as string[];
  const negations = tokens.out(its.negationFlag) as unknown as boolean[];
  const found: Token[] = [];
  let at = 0;
  for (const [index, value] of values.entries()) {
    const start = text.indexOf(value, at);
    if (start === -1) continue;
    at = start + value.length;
    const kind = kindOf(types[index] ?? 'word');
    const isNegated = negations[index] ?? false;
    const add = (part: string, from: number, lemma: string, as: Token['kind']) =>
      found.push({
        text: sentence.slice(from, from + part.length),
        norm: part.toLowerCase(),
        lemma,
        kind: as,
        isCapitalized: startsWithCapital(part),
        isNegated,
        start: offset + from,
        end: offset + from + part.length,
      });
    // A hyphen joins two words and is none itself: "long-term" and "long term" are the same.
    if (value === '-' && index > 0) continue;
    if (kind !== 'word') add(value, start, value.toLowerCase(), kind);
    else if (!value.includes('-')) {
      const word = value.length > 1 && value.endsWith('.') ? value.slice(0, -1) : value;
      const glued = DIGITS_THEN_LETTERS.exec(word);
      if (glued?.[1] !== undefined && glued[2] !== undefined) {
        add(glued[1], start, glued[1], 'number');
        add(glued[2], start + glued[1].length, glued[2].toLowerCase(), 'word');
      } else add(word, start, lemmas[index] ?? word.toLowerCase(), 'word');
    } else {
      for (const { 0: part, index: from } of value.matchAll(PARTS)) {
        const glued = DIGITS_THEN_LETTERS.exec(part);
        if (glued?.[1] !== undefined && glued[2] !== undefined) {
          add(glued[1], start + from, glued[1], 'number');
          add(glued[2], start + from + glued[1].length, glued[2].toLowerCase(), 'word');
        } else add(part, start + from, part.toLowerCase(), 'word');
      }
    }
  }
  return found;
}

function kindOf(type: string): Token['kind'] {
  if (type === 'number') return 'number';
  return type === 'punctuation' || type === 'symbol' || type === 'currency' || type === 'emoticon'
    ? 'mark'
    : 'word';
}

function startsWithCapital(text: string): boolean {
  const [first = ''] = text;
  return first !== first.toLowerCase();
}
