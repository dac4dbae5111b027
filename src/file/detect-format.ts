/** What a text file is, whatever it is called: by its beginning. */
import { detectLayout, splitRecords } from './detect-delimiter';
import { idCandidates } from './find-id-column';
import { nameColumns } from './name-columns';
import { splitRecord } from './split-record';

/** ndjson: an object a line. objects: objects one after another. json: one JSON text that holds them. csv: a table. */
export type TextFormat = 'ndjson' | 'objects' | 'json' | 'csv';

export interface FileHead {
  /** Decoded, without a byte order mark. */
  text: string;
  isWhole: boolean;
}

/** The array of the rows within an object. */
const BEGINS_AS_ENVELOPE = /^\{\s*"(?:users|companies)"\s*:\s*\[/;
const ENVELOPE = /"(?:users|companies)"\s*:\s*\[/;

/** What is JSON is told; undefined for what does not begin as it does. */
export function detectJson({ text, isWhole }: FileHead): Exclude<TextFormat, 'csv'> | undefined {
  const start = text.trimStart();
  if (start.startsWith('[')) return isArray(start, isWhole) ? 'json' : undefined;
  if (!start.startsWith('{')) return undefined;
  const firstLine = start.slice(0, indexOrEnd(start, '\n'));
  const end = endOfObject(start);
  const first = parseObject(end === undefined ? firstLine : start.slice(0, end));
  const isEnvelope = first === undefined ? looksLikeEnvelope(start, end) : hasEnvelope(first);
  if (isEnvelope) return 'json';
  if (end === undefined) return /^\{[ \t\r]*\n\s*"/.test(start) ? 'objects' : 'ndjson';
  if (first === undefined) return 'ndjson';
  if (end > firstLine.length) return 'objects';
  return /^[ \t]*(?:\{|,[ \t\r]*(?:\n|\{|$))/.test(start.slice(end)) ? 'objects' : 'ndjson';
}

/** An array of objects; one of other things is no file of rows. */
function isArray(start: string, isWhole: boolean): boolean {
  return /^\[\s*\{/.test(start) || /^\[[ \t\r]*\n/.test(start) || (isWhole && /^\[\s*\]\s*$/.test(start));
}

/**
 * Whether the text is a table with a column that may be the id.
 * @param isCertain whether a file that is called otherwise is to be taken for one
 */
export function isTable(
  { text, isWhole }: FileHead,
  entity: 'user' | 'company',
  isCertain: boolean,
): boolean {
  const { delimiter, lineEnd, hasSeparatorLine } = detectLayout(text, isWhole);
  const [header, ...others] = splitRecords(text, delimiter, lineEnd).slice(hasSeparatorLine ? 1 : 0);
  const split = header === undefined ? undefined : splitRecord(header, delimiter);
  if (split === undefined || 'fault' in split) return false;
  const { cells } = split;
  const [best] = idCandidates(nameColumns(cells), entity);
  if (best?.likelihood === 'own') return true;
  if (cells.length < 2 || others.length === 0) return false;
  return isCertain ? best?.likelihood === 'usual' : true;
}

/** The place behind the first object, by its brackets; undefined when it goes on behind the text. */
function endOfObject(text: string): number | undefined {
  let [depth, isInString] = [0, false];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (isInString) {
      if (character === '\\') at++;
      else if (character === '"') isInString = false;
    } else if (character === '"') isInString = true;
    else if (character === '{' || character === '[') depth++;
    else if (character === '}' || character === ']') {
      depth--;
      if (depth === 0) return at + 1;
    }
  }
  return undefined;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Of what is no JSON, or goes on behind what is known of it. */
function looksLikeEnvelope(start: string, end: number | undefined): boolean {
  return BEGINS_AS_ENVELOPE.test(start) || (end === undefined && ENVELOPE.test(start));
}

/** A row may have such a key, too, but it has an id. */
function hasEnvelope(object: Record<string, unknown>): boolean {
  const isRow = Object.hasOwn(object, 'user_id') || Object.hasOwn(object, 'company_id');
  return !isRow && ['users', 'companies'].some((key) => Array.isArray(object[key]));
}

function indexOrEnd(text: string, character: string): number {
  const found = text.indexOf(character);
  return found === -1 ? text.length : found;
}
