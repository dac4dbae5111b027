/**
 * Which encoding a text file has, by the beginning of it. UTF-8 is believed wherever it can be: a file with one bad byte
 * among right ones is UTF-8 with one bad row, and is not read as something else in silence.
 */
import { analyse } from 'chardet';

/** Labels of the Encoding Standard, https://encoding.spec.whatwg.org/#names-and-labels. */
export type Encoding = string;

export const UTF_8 = 'utf-8';
const SINGLE_BYTE = 'windows-1252';

/** Encodings that are believed when their letters fit much better than those of Western Europe. */
const OTHERS: Readonly<Record<string, Encoding>> = {
  'windows-1250': 'windows-1250',
  'windows-1251': 'windows-1251',
  'windows-1253': 'windows-1253',
  'windows-1254': 'windows-1254',
  'windows-1255': 'windows-1255',
  'windows-1256': 'windows-1256',
  'ISO-8859-2': 'iso-8859-2',
  'ISO-8859-5': 'iso-8859-5',
  'ISO-8859-7': 'iso-8859-7',
  'ISO-8859-9': 'windows-1254',
  'KOI8-R': 'koi8-r',
  Shift_JIS: 'shift_jis',
  'EUC-JP': 'euc-jp',
  'EUC-KR': 'euc-kr',
  Big5: 'big5',
  GB18030: 'gb18030',
};
/** One bad byte is a fault, and says nothing about the others. */
const LEAST_WRONG = 2;
/** With so many bad bytes for each right sequence it is no UTF-8: what is right is so by chance. */
const UTF_8_SHARE = 4;
/** Bytes beyond ASCII that are needed to tell them. */
const ENOUGH_BYTES = 12;
const ENOUGH_CONFIDENCE = 40;

/** By its byte order mark, or because every other byte of its first characters is zero; undefined = neither. */
export function detectWide(head: Uint8Array): Encoding | undefined {
  const [a, b, c, d] = head;
  const hasZeros = (parity: number) => head.some((byte, at) => byte === 0 && at % 2 === parity);
  if (a === 0xff && b === 0xfe && !(c === 0 && d === 0)) return hasZeros(1) ? 'utf-16le' : undefined;
  if (a === 0xfe && b === 0xff) return hasZeros(0) ? 'utf-16be' : undefined;
  if (isAscii(a) && b === 0 && isAscii(c) && d === 0) return 'utf-16le';
  if (a === 0 && isAscii(b) && c === 0 && isAscii(d)) return 'utf-16be';
  return undefined;
}

function isAscii(byte: number | undefined): boolean {
  return byte !== undefined && (byte === 9 || byte === 10 || byte === 13 || (byte >= 0x20 && byte < 0x7f));
}

/**
 * Of a text that has bytes beyond ASCII and is not UTF-16.
 * @param sample as it stands around those bytes; its last character may be cut off
 */
export function detectEncoding(sample: Uint8Array): Encoding {
  const { right, wrong, wordly } = countSequences(sample);
  const isMeant = right * UTF_8_SHARE >= wrong && right > 0;
  if (wrong < LEAST_WRONG || isMeant || wordly * 2 < wrong) return UTF_8;
  if (wrong >= ENOUGH_BYTES) {
    const matches = analyse(sample);
    const western = matches.find(({ name }) => name === SINGLE_BYTE || name === 'ISO-8859-1');
    const best = matches.find(({ name }) => name in OTHERS);
    const isBetter = best !== undefined && best.confidence > (western?.confidence ?? 0);
    if (isBetter && best.confidence >= ENOUGH_CONFIDENCE) return OTHERS[best.name] as Encoding;
  }
  // Where Windows has its quotes and dashes the ISO encodings have nothing; only there the sign of the euro tells them apart.
  const hasWindowsSigns = sample.some((byte) => byte >= 0x80 && byte <= 0x9f);
  return !hasWindowsSigns && sample.includes(0xa4) ? 'iso-8859-15' : SINGLE_BYTE;
}

/** Sequences of UTF-8 beyond ASCII, bytes that are in none, and how many of those stand beside a letter or a digit. */
function countSequences(bytes: Uint8Array): { right: number; wrong: number; wordly: number } {
  let [right, wrong, wordly] = [0, 0, 0];
  for (let at = 0; at < bytes.length; at++) {
    if ((bytes[at] as number) < 0x80) continue;
    const length = sequenceLength(bytes, at);
    if (at + length > bytes.length && isBegun(bytes, at)) break;
    if (length > 1 && at + length <= bytes.length && isBegun(bytes, at)) {
      right++;
      at += length - 1;
      continue;
    }
    wrong++;
    if (isWord(bytes[at - 1]) || isWord(bytes[at + 1])) wordly++;
  }
  return { right, wrong, wordly };
}

function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  return first >= 0xf0 && first <= 0xf4 ? 4 : 1;
}

/** Whether what there is of a sequence goes on as it should. */
function isBegun(bytes: Uint8Array, at: number): boolean {
  const end = Math.min(at + sequenceLength(bytes, at), bytes.length);
  if (sequenceLength(bytes, at) === 1) return false;
  for (let n = at + 1; n < end; n++) if (((bytes[n] as number) & 0xc0) !== 0x80) return false;
  return true;
}

function isWord(byte: number | undefined): boolean {
  return byte !== undefined && /[A-Za-z0-9\u0080-\u00ff]/.test(String.fromCharCode(byte));
}
