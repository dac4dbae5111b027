/**
 * Says what a file is that is no text, by its first bytes. Pure, and of the browser too: it takes bytes and knows neither streams nor errors.
 * A new format is a line of SIGNATURES, or a rule of `recognize`.
 */

/** As much as `recognize` looks at. Give it the whole file when that is shorter. */
export const HEAD_BYTES = 512;

/** A file that is not read here. */
export interface Foreign {
  /** What it is, after "This is". */
  name: string;
  /** What to do, a sentence. */
  advice: string;
}

const UNPACK = 'Decompress it first.';
const AS_CSV = 'Save the sheet as CSV in UTF-8 and send that.';
const AS_XLSX = 'Save it as XLSX without a password, or the sheet as CSV in UTF-8, and send that.';
const AS_TEXT = 'Send JSON, NDJSON or CSV as text in UTF-8.';
const AS_UTF8 = 'Save it as UTF-8.';

/** Bytes that a file of the kind begins with. A longer signature stands before one that it begins with. */
const SIGNATURES: readonly (readonly [signature: string, name: string, advice: string])[] = [
  ['\x1f\x8b', 'a gzip file', 'Decompress it, or send it as the body with Content-Encoding: gzip.'],
  ['\x28\xb5\x2f\xfd', 'a Zstandard file', UNPACK],
  ['BZh', 'a bzip2 file', UNPACK],
  ['\xfd7zXZ\0', 'an xz file', UNPACK],
  ['7z\xbc\xaf\x27\x1c', 'a 7z archive', UNPACK],
  ['Rar!\x1a\x07', 'a RAR archive', UNPACK],
  ['\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', 'an old Excel workbook (XLS) or one with a password', AS_XLSX],
  ['PAR1', 'a Parquet file', AS_TEXT],
  ['Obj\x01', 'an Avro file', AS_TEXT],
  ['SQLite format 3\0', 'an SQLite database', AS_TEXT],
  ['%PDF-', 'a PDF', AS_TEXT],
  ['\x89PNG\r\n', 'an image', AS_TEXT],
  ['\xff\xd8\xff', 'an image', AS_TEXT],
  ['GIF8', 'an image', AS_TEXT],
];

/** @param head the first HEAD_BYTES bytes, or all there are @returns undefined for what is text, as far as can be seen */
export function recognize(head: Uint8Array): Foreign | undefined {
  const text = latin1(head.subarray(0, HEAD_BYTES));
  return signed(text) ?? zipped(text) ?? wide(text) ?? binary(text);
}

function signed(text: string): Foreign | undefined {
  const found = SIGNATURES.find(([signature]) => text.startsWith(signature));
  return found && { name: found[1], advice: found[2] };
}

/** The first name in the archive says what it is. */
function zipped(text: string): Foreign | undefined {
  if (!text.startsWith('PK\x03\x04')) return undefined;
  if (/\[Content_Types\]\.xml|_rels\/|xl\/|docProps\//.test(text)) {
    return { name: 'an Excel workbook (XLSX)', advice: AS_CSV };
  }
  if (text.includes('opendocument.spreadsheet')) return { name: 'a spreadsheet (ODS)', advice: AS_CSV };
  return { name: 'a ZIP archive', advice: UNPACK };
}

/** Text of which every character has four bytes. The first characters of every format are ASCII. */
function wide(text: string): Foreign | undefined {
  const isWide = /^(?:\xff\xfe\0\0|[\t\n\r -~]\0\0\0|\0\0\xfe\xff|\0\0\0[\t\n\r -~])/.test(text);
  return isWide ? { name: 'UTF-32 text', advice: AS_UTF8 } : undefined;
}

/** Full of control characters, and no line begins as an object does. */
function binary(text: string): Foreign | undefined {
  const controls = text.match(CONTROLS)?.length ?? 0;
  const isBinary = controls * 10 > text.length && controls > 3 && !/(?:^|\n)[ \t]*\{/.test(text);
  return isBinary ? { name: 'a binary file', advice: AS_TEXT } : undefined;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROLS = /[\0-\x08\x0e-\x1f]/g;

/** One character for each byte. */
function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
