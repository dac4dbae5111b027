/** What may stand at the {value} of a phrase when it is no known value: the name of a place, or some words. */
import { isMonth } from '../language/dates';
import type { Token } from '../language/tokens';
import type { CompiledField } from './compile';

export interface Slot {
  value: string;
  /** Tokens that it takes. */
  length: number;
}

const MAX_PLACE_WORDS = 4;
const MAX_WORDS = 4;
const LINKS = new Set(['de', 'la', 'of', 'upon', 'am', 'del', 'do', 'da']);
const STOPS = new Set(
  'in at for from with and but based living who or near since that which where to on as is am are was i my'.split(
    ' ',
  ),
);
const ARTICLES = new Set(['a', 'an', 'the']);

/** Words with capital letters that may be the name of a place. */
export function readName(tokens: readonly Token[], at: number): Slot | undefined {
  let length = 0;
  for (let next = 0; next < MAX_PLACE_WORDS; next++) {
    const token = tokens[at + next];
    if (token?.kind !== 'word') break;
    const isName =
      token.isCapitalized && !isMonth(token.norm) && !(token.norm === 'i' || token.norm.startsWith("i'"));
    if (isName) length = next + 1;
    else if (!(length > 0 && LINKS.has(token.norm))) break;
  }
  if (length === 0) return undefined;
  return { value: originalText(tokens, at, length), length };
}

/** `, Texas` behind a place, when the field knows the region; else nothing. */
export function readPlaceTail(
  tokens: readonly Token[],
  at: number,
  { regions }: CompiledField,
): { text: string; length: number } {
  const nothing = { text: '', length: 0 };
  if (tokens[at]?.norm !== ',' || regions.size === 0) return nothing;
  for (let words = 3; words > 0; words--) {
    const region = tokens.slice(at + 1, at + 1 + words);
    if (region.length < words || !regions.has(region.map(({ norm }) => norm).join(' '))) continue;
    return { text: `, ${originalText(tokens, at + 1, words)}`, length: words + 1 };
  }
  return nothing;
}

/** Some words up to a mark or a word that begins something else. */
export function readWords(tokens: readonly Token[], at: number): Slot | undefined {
  const words: string[] = [];
  let length = 0;
  for (let next = at; words.length < MAX_WORDS; next++) {
    const token = tokens[next];
    if (token?.kind !== 'word' || STOPS.has(token.norm)) break;
    length++;
    if (words.length > 0 || !ARTICLES.has(token.norm)) words.push(token.norm);
  }
  return words.length === 0 ? undefined : { value: words.join(' '), length };
}

function originalText(tokens: readonly Token[], at: number, length: number): string {
  return tokens
    .slice(at, at + length)
    .map(({ text }) => text)
    .join(' ');
}
