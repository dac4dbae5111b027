/**
 * Why a text is no JSON, in one sentence for whoever wrote the file. Never quotes the text but for words that are JSON's or
 * another language's own, and the keys on the way to the fault.
 */

export interface JsonFault {
  /** Keys on the way to a value that is none, such as `metadata.score`; empty for any other fault. */
  path: string;
  /** Undefined when there is nothing better to say than that it is no JSON. */
  message: string | undefined;
}

/** Words that other languages have for values. */
const FOREIGN_WORDS: Readonly<Record<string, string>> = {
  NaN: 'NaN is not JSON: leave the key out, or write null.',
  Infinity: 'Infinity is not JSON: leave the key out, or write null.',
  '-Infinity': '-Infinity is not JSON: leave the key out, or write null.',
  undefined: 'undefined is not JSON: leave the key out, or write null.',
  None: 'None is Python, not JSON: write null.',
  nil: 'nil is not JSON: write null.',
  NULL: 'NULL is not JSON: write null in lower case.',
  Null: 'Null is not JSON: write null in lower case.',
  True: 'True is not JSON: write true in lower case.',
  False: 'False is not JSON: write false in lower case.',
  TRUE: 'TRUE is not JSON: write true in lower case.',
  FALSE: 'FALSE is not JSON: write false in lower case.',
};
const WORD = /[-A-Za-z_$][A-Za-z0-9_$]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what a string may not have.
const STRING_START = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y;
const SPACE = /[ \t\r\n]*/y;
/** Deeper than this nobody is helped by a path. */
const MAX_DEPTH = 100;
const MAX_PATH_CHARACTERS = 300;

/** @param text what JSON.parse has refused */
export function explainJson(text: string): JsonFault {
  return new Explainer(text).explain();
}

/** Walks the text until the first fault; each character is looked at once. */
class Explainer {
  private at = 0;
  /** Whether what is being read is a value, which has a path. */
  private isValue = false;
  /** Of each container around: the key of the member, or null in an array. */
  private readonly around: (string | null)[] = [];

  constructor(private readonly text: string) {}

  explain(): JsonFault {
    this.skip(SPACE);
    for (;;) {
      const fault = this.value();
      if (fault !== undefined) return this.fault(fault, this.isValue);
      const ended = this.afterValue();
      if (ended !== undefined) return this.fault(ended, false);
    }
  }

  private fault(message: string, isOfValue: boolean): JsonFault {
    if (!isOfValue) return { path: '', message: message === '' ? undefined : message };
    const keys = this.around.filter((key): key is string => key !== null && key !== '');
    const path = keys.join('.').slice(0, MAX_PATH_CHARACTERS).toWellFormed();
    return { path, message: message === '' ? undefined : message };
  }

  /** Reads a value, or the opening of a container up to its first value. Returns what is wrong. */
  private value(): string | undefined {
    const character = this.text[this.at];
    this.isValue = false;
    if (character === undefined) return this.unfinished();
    if (character === '[' || character === '{') return this.open(character);
    this.isValue = true;
    if (character === '"') return this.string();
    if (character === "'") return 'JSON strings have double quotes, not single ones.';
    if (/[-\d]/.test(character) && this.take(NUMBER) !== undefined) return this.afterNumber();
    const word = this.take(WORD);
    if (word === 'true' || word === 'false' || word === 'null') return undefined;
    if (word !== undefined) return FOREIGN_WORDS[word] ?? 'A value that is text has double quotes in JSON.';
    if (character === ',' || character === '}') return 'A value is missing.';
    return '';
  }

  private afterNumber(): string | undefined {
    const next = this.text[this.at];
    if (next === undefined || /[\s,\]}]/.test(next)) return undefined;
    if (/\d/.test(next)) return 'A JSON number has no leading zeros: give it double quotes.';
    return next === '.'
      ? 'A JSON number has digits behind its point.'
      : 'A value that is text has double quotes in JSON.';
  }

  private open(bracket: string): string | undefined {
    this.at++;
    if (this.around.length >= MAX_DEPTH) return '';
    this.skip(SPACE);
    const isObject = bracket === '{';
    this.around.push(isObject ? '' : null);
    if (this.text[this.at] === (isObject ? '}' : ']')) return undefined;
    return isObject ? (this.key() ?? this.value()) : this.value();
  }

  private key(): string | undefined {
    const character = this.text[this.at];
    if (character === undefined) return this.unfinished();
    if (character === "'") return 'JSON strings have double quotes, not single ones.';
    if (character !== '"') {
      if (character === '}') return 'A comma stands before the closing brace: JSON has none there.';
      return /[A-Za-z_$]/.test(character) ? 'JSON keys have double quotes.' : '';
    }
    const begin = this.at;
    const fault = this.string();
    if (fault !== undefined) return fault;
    this.around[this.around.length - 1] = String(JSON.parse(this.text.slice(begin, this.at)));
    this.skip(SPACE);
    if (this.text[this.at] === undefined) return this.unfinished();
    if (this.text[this.at] !== ':') return 'A colon is missing behind a key.';
    this.at++;
    this.skip(SPACE);
    return undefined;
  }

  /** What follows a value: containers end, or the next value begins. Returns what is wrong, or '' at an end that is none. */
  private afterValue(): string | undefined {
    for (;;) {
      this.skip(SPACE);
      const character = this.text[this.at];
      const inner = this.around.at(-1);
      if (inner === undefined) return this.behindEnd(character);
      if (character === undefined) return this.unfinished();
      const isObject = inner !== null;
      if (character === (isObject ? '}' : ']')) {
        this.at++;
        this.around.pop();
        continue;
      }
      if (character !== ',')
        return isObject
          ? 'A comma is missing between two members.'
          : 'A comma is missing between two elements.';
      this.at++;
      this.skip(SPACE);
      if (!isObject && this.text[this.at] === ']')
        return 'A comma stands before the closing bracket: JSON has none there.';
      if (!isObject) return undefined;
      return this.key();
    }
  }

  private behindEnd(character: string | undefined): string {
    if (character === undefined) return '';
    if (character === ',')
      return 'A comma stands behind the row: NDJSON has one object a line and no commas between them.';
    if (character === '{')
      return 'A second object begins on the same line: a line break is missing between them.';
    return 'Something stands behind the end of the object.';
  }

  private unfinished(): string {
    return this.around.length > 0 || this.text.trimEnd() === ''
      ? 'The object is not closed on its line: NDJSON has one object a line.'
      : '';
  }

  private string(): string | undefined {
    this.take(STRING_START);
    const character = this.text[this.at];
    if (character === undefined) return 'A string is not closed.';
    if (character === '\\') return 'A string has a backslash that begins no escape.';
    if (character !== '"')
      return 'A string has a line break, tab or control character in it: write it as an escape such as \\n.';
    this.at++;
    return undefined;
  }

  private take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  private skip(pattern: RegExp): void {
    this.take(pattern);
  }
}
