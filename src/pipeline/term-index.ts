/**
 * Finds terms (ids, e-mail addresses and the like) in bytes that could not be read as a row: broken JSON or CSV, another
 * encoding, rows that are too large. A term is found as a whole word: where it begins or ends with a letter, digit or
 * underscore, none stands before or behind it. It is found however it is spelled: with escapes of JSON, doubled quotes of
 * CSV, percent signs, entities, in UTF-8, Windows-1252 or UTF-16. Rather a row too many than one too few.
 *
 * The time for a text does not depend on the number of terms: each is looked up by the longest of its words.
 */
import { isUtf8 } from 'node:buffer';
import { setImmediate } from 'node:timers/promises';

const WORDS = /[\p{L}\p{N}\p{M}_]+/gu;
const WORD_CHARACTER = /[\p{L}\p{N}\p{M}_]/u;
/** E-mail addresses are the same in any case. */
const EMAIL_ADDRESS = /^[^@\s]+@[^@\s]+\.[^@\s]+$/;
/** What may stand beside a term that has no word in it. */
const DELIMITER = /["',;\t\r\n]/;

/** Larger rows are searched piece by piece, and others get their turn in between. */
const WINDOW_BYTES = 64 * 1024;
/** The longest spelling of a character: two escapes of JSON. */
const MAX_SPELLED_BYTES = 12;
/** A text may be escaped within a text that is escaped. */
const MAX_ESCAPED_DEPTH = 3;

/** Terms with the same word at the same place, of the same length: e-mail addresses share their domain by the thousand. */
interface Shape {
  /** Where in a term the word begins by which it is looked up. */
  offset: number;
  length: number;
  ignoresCase: boolean;
  terms: Set<string>;
}

export class TermIndex {
  private readonly byWord = new Map<string, Map<string, Shape>>();
  private readonly wordless = new Set<string>();
  private longest = 0;

  constructor(terms: Iterable<string>) {
    for (const term of terms) this.add(term.normalize('NFC'));
  }

  get isEmpty(): boolean {
    return this.byWord.size === 0 && this.wordless.size === 0;
  }

  private add(text: string): void {
    if (text.trim() === '') return;
    this.longest = Math.max(this.longest, text.length);
    let key: { word: string; offset: number } | undefined;
    for (const { 0: word, index: offset } of text.matchAll(WORDS)) {
      if (key === undefined || word.length > key.word.length) key = { word, offset };
    }
    if (key === undefined) {
      this.wordless.add(text);
      return;
    }
    const word = key.word.toLowerCase();
    const ignoresCase = EMAIL_ADDRESS.test(text);
    const shapes = this.byWord.get(word) ?? new Map<string, Shape>();
    this.byWord.set(word, shapes);
    const name = `${key.offset} ${text.length} ${ignoresCase}`;
    const shape = shapes.get(name) ?? {
      offset: key.offset,
      length: text.length,
      ignoresCase,
      terms: new Set(),
    };
    shapes.set(name, shape);
    shape.terms.add(ignoresCase ? text.toLowerCase() : text);
  }

  /**
   * Whether a term is found in bytes of any kind.
   * @param more pieces that follow
   */
  async isFoundInBytes(raw: Buffer, more: AsyncIterable<Buffer> | Iterable<Buffer> = []): Promise<boolean> {
    if (this.isEmpty) return false;
    const overlap = this.longest * MAX_SPELLED_BYTES;
    if (await this.isFoundInPiece(raw, overlap)) return true;
    let before = raw.subarray(-overlap);
    for await (const piece of more) {
      const joined = Buffer.concat([before, piece]);
      if (await this.isFoundInPiece(joined, overlap)) return true;
      before = joined.subarray(-overlap);
    }
    return false;
  }

  private async isFoundInPiece(raw: Buffer, overlap: number): Promise<boolean> {
    const step = Math.max(WINDOW_BYTES, overlap);
    for (let start = 0; start < raw.length; start += step) {
      if (start > 0) await setImmediate();
      const window = raw.subarray(start, start + step + overlap);
      for (const text of decode(window)) if (this.isFoundIn(text)) return true;
    }
    return false;
  }

  /** Whether a term is found in a text, however it is spelled there. */
  isFoundIn(text: string): boolean {
    if (this.isEmpty) return false;
    for (const spelling of respell(text)) if (this.isInPlain(spelling.normalize('NFC'))) return true;
    return false;
  }

  private isInPlain(text: string): boolean {
    for (const { 0: word, index } of text.matchAll(WORDS)) {
      const shapes = this.byWord.get(word.toLowerCase());
      if (shapes === undefined) continue;
      for (const shape of shapes.values()) if (isAt(text, index - shape.offset, shape)) return true;
    }
    for (const term of this.wordless) if (isDelimited(text, term)) return true;
    return false;
  }
}

function isAt(text: string, start: number, { length, ignoresCase, terms }: Shape): boolean {
  if (start < 0) return false;
  const found = text.slice(start, start + length);
  if (!terms.has(ignoresCase ? found.toLowerCase() : found)) return false;
  return !isExtended(text[start - 1], found[0]) && !isExtended(text[start + length], found.at(-1));
}

/** Whether what stands beside a term makes its outermost word another one. */
function isExtended(beside: string | undefined, outermost: string | undefined): boolean {
  return (
    beside !== undefined &&
    outermost !== undefined &&
    WORD_CHARACTER.test(beside) &&
    WORD_CHARACTER.test(outermost)
  );
}

function isDelimited(text: string, term: string): boolean {
  for (let at = text.indexOf(term); at !== -1; at = text.indexOf(term, at + 1)) {
    const [before, after] = [text[at - 1], text[at + term.length]];
    if ((before === undefined || DELIMITER.test(before)) && (after === undefined || DELIMITER.test(after)))
      return true;
  }
  return false;
}

/** The texts that the bytes may be. */
function* decode(raw: Buffer): Generator<string> {
  yield raw.toString('utf8');
  if (!isUtf8(raw)) yield decodeWindows1252(raw);
  if (!raw.includes(0)) return;
  // Lines of UTF-16 are cut at a byte in the middle of a character.
  for (const encoding of ['utf-16le', 'utf-16be']) {
    for (const start of [0, 1]) yield new TextDecoder(encoding).decode(raw.subarray(start));
  }
}

/** What Windows-1252 has where Latin 1 has control characters; a dot where it has nothing. */
const WINDOWS_1252 =
  '\u20ac.\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152.\u017d..\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153.\u017e\u0178';

/** TextDecoder leaves out the difference in Node 20. */
function decodeWindows1252(raw: Buffer): string {
  return raw.toString('latin1').replace(/[\u0080-\u009f]/g, (c) => WINDOWS_1252[c.charCodeAt(0) - 0x80] ?? c);
}

/** The text, and what it is when its escapes are taken for what they stand for. */
function* respell(text: string): Generator<string> {
  yield text;
  let plain = text;
  for (let depth = 0; depth < MAX_ESCAPED_DEPTH && plain.includes('\\'); depth++) {
    plain = unescapeJson(plain);
    yield plain;
  }
  if (text.includes('""')) yield text.replaceAll('""', '"');
  if (text.includes('%')) yield decodePercent(text);
  if (text.includes('&')) yield decodeEntities(text);
}

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/** The escapes of a JSON text as characters, whatever else is wrong with it. */
function unescapeJson(text: string): string {
  return text.replace(/\\(?:u([0-9A-Fa-f]{4})|(.))/gsu, (_, hex: string | undefined, character: string) =>
    hex === undefined ? (ESCAPES[character] ?? character) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function decodePercent(text: string): string {
  return text
    .replaceAll('+', ' ')
    .replace(/(?:%[0-9A-Fa-f]{2})+/g, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'));
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decodeEntities(text: string): string {
  return text.replace(
    /&(?:#(\d{1,7})|#[xX]([0-9A-Fa-f]{1,6})|(amp|lt|gt|quot|apos));/g,
    (entity, ten, hex, name) => {
      if (name !== undefined) return ENTITIES[name] ?? entity;
      const code = ten === undefined ? Number.parseInt(hex, 16) : Number(ten);
      return code <= 0x10ffff ? String.fromCodePoint(code) : entity;
    },
  );
}
