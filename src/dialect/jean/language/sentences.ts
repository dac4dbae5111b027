/**
 * Cuts a text into sentences of bounded length, in one pass. What comes behind never sees more than MAX_LENGTH
 * characters at a time, so its cost is proportional to the text, and others get their turn between two of them.
 */

export interface Sentence {
  text: string;
  /** Of its first character in the whole text, in UTF-16 code units. */
  offset: number;
}

/** From here on a sentence ends at the next word, and at MAX_LENGTH wherever it is. */
const LONG = 300;
const MAX_LENGTH = 400;
/** A dot behind one of these is part of the word. */
const ABBREVIATIONS = new Set([
  'ph',
  'ph.d',
  'm.sc',
  'b.sc',
  'd',
  'b',
  'm',
  'mr',
  'mrs',
  'ms',
  'dr',
  'st',
  'e.g',
  'i.e',
  'approx',
  'yrs',
  'exp',
]);

export function* splitSentences(text: string): Generator<Sentence> {
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const isLong = at - start >= LONG && !isWordCharacter(text, at);
    const isForced = at - start >= MAX_LENGTH - 1;
    if (!isLong && !isForced && !isEnd(text, at)) continue;
    const next = at + 1;
    if (text.slice(start, next).trim() !== '') yield { text: text.slice(start, next), offset: start };
    start = next;
  }
  if (text.slice(start).trim() !== '') yield { text: text.slice(start), offset: start };
}

function isEnd(text: string, at: number): boolean {
  const character = text[at];
  if (character === '\n') return true;
  if (character !== '.' && character !== '!' && character !== '?') return false;
  const after = text[at + 1];
  if (after !== undefined && after !== ' ' && after !== '\n' && after !== '\t' && after !== '\r')
    return false;
  if (character !== '.') return true;
  let from = at;
  while (from > 0 && at - from < 8 && isWordCharacter(text, from - 1)) from--;
  const word = text.slice(from, at).toLowerCase();
  return !ABBREVIATIONS.has(word);
}

/** Letters, digits and what stands within words. Code units are enough: halves of pairs count as letters. */
function isWordCharacter(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return (
    (code >= 48 && code <= 57) ||
    (code >= 65 && code <= 90) ||
    (code >= 97 && code <= 122) ||
    code === 46 ||
    code > 127
  );
}
