/**
 * Keeps every digit of the numbers in a row's metadata. JSON.parse turns them into doubles (9007199254740993 becomes
 * ...992, 0.10 becomes 0.1), so the text of each number is taken from the row itself and handed to PostgreSQL, whose
 * jsonb holds numbers as decimals of any length.
 * Invariant: works only on text that JSON.parse has accepted; that is why a regular expression may tokenize it.
 */

/** PostgreSQL's numeric holds at most this many digits after the decimal point (its manual, table 8.2). */
export const MAX_FRACTION_DIGITS = 16_383;
/** PostgreSQL reads no exponent of this size, not even behind a zero. */
const EXPONENT_LIMIT = 2 ** 30;

/** Every number that is a value of an object, and what looks like one inside strings, which does no harm. */
const NUMBER_VALUE = /:\s*(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?=\s*[,}])/g;

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:,]|[^\s{}[\]:,"]+/gs;

/**
 * Whether the doubles that JSON.parse makes of a row's numbers read back exactly as its text has them.
 * False may be a false alarm: then the text is looked at token by token.
 */
export function doublesAreExact(text: string): boolean {
  for (const [, number] of text.matchAll(NUMBER_VALUE)) {
    if (String(Number(number)) !== number) return false;
  }
  return true;
}

/**
 * The text of each number that is a direct value of the row's `metadata` object; where a key comes twice, the last.
 * @param text one row, valid JSON, an object
 */
export function metadataNumberTexts(text: string): Map<string, string> {
  let texts = new Map<string, string>();
  let depth = 0;
  let inMetadata = false;
  let key = '';
  let previous = '';
  let beforeColon = '';
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === '{' || token === '[') {
      depth++;
      if (depth === 2) {
        inMetadata = token === '{' && previous === ':' && JSON.parse(beforeColon) === 'metadata';
        if (inMetadata) texts = new Map();
      }
    } else if (token === '}' || token === ']') {
      if (depth === 2) inMetadata = false;
      depth--;
    } else if (token === ':') {
      beforeColon = previous;
      if (inMetadata && depth === 2) {
        key = JSON.parse(previous) as string;
        texts.delete(key);
      }
    } else if (inMetadata && depth === 2 && previous === ':' && /^[-\d]/.test(token)) {
      texts.set(key, token);
    }
    previous = token;
  }
  return texts;
}

/**
 * Whether PostgreSQL can store the number with every digit and a double can hold its size: neither too large, nor so
 * small that it would be zero, nor with more fraction digits than numeric has.
 * @param numberText a JSON number
 */
export function isStorableNumber(numberText: string): boolean {
  const value = Number(numberText);
  if (!Number.isFinite(value)) return false;
  const [mantissa = '', exponent = '0'] = numberText.toLowerCase().split('e');
  if (value === 0 && /[1-9]/.test(mantissa)) return false;
  if (Math.abs(Number(exponent)) >= EXPONENT_LIMIT) return false;
  const fractionDigits = mantissa.split('.')[1]?.length ?? 0;
  return fractionDigits - Number(exponent) <= MAX_FRACTION_DIGITS;
}
