/** Whether a sequence of a phrase stands at a place among the tokens, and with which value. */
import { readDate } from '../language/dates';
import { readNumber } from '../language/numbers';
import type { Token } from '../language/tokens';
import type { Sequence } from '../schema/phrase';
import type { CompiledField, Matcher } from './compile';
import { readName, readPlaceTail, readWords, type Slot } from './slots';

export interface Match {
  /** What stands at {value}. */
  value: string | number | undefined;
  /** What stands at {plus}; 0 without one. */
  plus: number;
  /** Index behind its last token. */
  end: number;
}

/** The match of a matcher that begins at this token. */
export function matchAt(
  { sequence }: Pick<Matcher, 'sequence'>,
  field: CompiledField,
  tokens: readonly Token[],
  at: number,
): Match | undefined {
  return step(sequence, 0, field, tokens, at, { value: undefined, plus: 0, end: at });
}

/** Whether the sequence stands anywhere among these tokens. */
export function matchAnywhere(sequence: Sequence, field: CompiledField, tokens: readonly Token[]): boolean {
  return tokens.some((_, at) => matchAt({ sequence }, field, tokens, at) !== undefined);
}

/** Goes back only into gaps, of which a sequence has two at most. */
function step(
  sequence: Sequence,
  index: number,
  field: CompiledField,
  tokens: readonly Token[],
  at: number,
  match: Match,
): Match | undefined {
  const element = sequence[index];
  if (element === undefined) return { ...match, end: at };
  const go = (next: number, more: Partial<Match> = {}) =>
    step(sequence, index + 1, field, tokens, next, { ...match, ...more });
  const token = tokens[at];
  switch (element.kind) {
    case 'start':
      return at === 0 ? go(at) : undefined;
    case 'end':
      return isEnd(tokens, at) ? go(at) : undefined;
    case 'words': {
      const isThere =
        token !== undefined &&
        (element.texts.includes(token.norm) || (element.anyForm && element.texts.includes(token.lemma)));
      return isThere ? go(at + 1) : undefined;
    }
    case 'plus': {
      const number = readNumber(tokens, at);
      return number === undefined ? undefined : go(at + number.length, { plus: number.value });
    }
    case 'gap':
      for (let skipped = 0; skipped <= element.most; skipped++) {
        const found = go(at + skipped);
        if (found !== undefined) return found;
        if (tokens[at + skipped]?.kind === 'mark') return undefined;
      }
      return undefined;
    case 'value': {
      const read = readSlot(field, tokens, at);
      return read === undefined ? undefined : go(at + read.length, { value: read.value });
    }
  }
}

function isEnd(tokens: readonly Token[], at: number): boolean {
  return tokens.slice(at).every(({ kind, norm }) => kind === 'mark' && norm !== ',');
}

/** What a {value} of this field may be. */
function readSlot(
  field: CompiledField,
  tokens: readonly Token[],
  at: number,
): { value: string | number; length: number } | undefined {
  switch (field.definition.type) {
    case 'integer':
    case 'number':
      return readNumber(tokens, at);
    case 'date':
      return readDate(tokens, at);
    case 'location':
      return readPlace(tokens, at, field);
    case 'enum':
      return readKnown(tokens, at, field);
    case 'boolean':
      return undefined;
    default:
      return readKnown(tokens, at, field) ?? readWords(tokens, at);
  }
}

/** A known value of the field by its name or a synonym; the longest one. */
export function readKnown(tokens: readonly Token[], at: number, field: CompiledField): Slot | undefined {
  const token = tokens[at];
  if (token === undefined) return undefined;
  let best: Slot | undefined;
  const matchers = [...(field.places.get(token.norm) ?? []), ...(field.places.get(token.lemma) ?? [])];
  for (const matcher of matchers) {
    const match = matchAt(matcher, field, tokens, at);
    if (match !== undefined && match.end - at > (best?.length ?? 0))
      best = { value: String(matcher.value), length: match.end - at };
  }
  return best;
}

/** A known place in any case, or else words with capital letters; with the region behind it. */
function readPlace(tokens: readonly Token[], at: number, field: CompiledField): Slot | undefined {
  const place = readKnown(tokens, at, field) ?? readName(tokens, at);
  if (place === undefined) return undefined;
  const tail = readPlaceTail(tokens, at + place.length, field);
  return { value: `${place.value}${tail.text}`, length: place.length + tail.length };
}
