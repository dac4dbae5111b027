/**
 * The default embedding: feature hashing ("the hashing trick") of words and of character 3- to 5-grams of words to 1,024
 * signed dimensions. It knows spelling, not meaning: "nurse" and "nurses" are near, "nurse" and "doctor" are not. It needs
 * no model, no network and no training, and gives the same vector everywhere and forever; a change gets a new name.
 *
 * The counts of texts add up, so a text can be added to a user without reading the earlier ones again.
 */
import type { FieldValue } from '../schema/definition';
import { type Embedding, quantize } from './embedding';

export const FEATURE_HASH = 'feature-hash-1';
export const FEATURE_DIMENSIONS = 1_024;

const WORD = /[\p{L}\p{N}]+/gu;
const MAX_WORD = 40;
const GRAMS = [3, 4, 5] as const;
/** A whole word counts as much as some of its parts; a value of a field as much as a text that repeats it. */
const WORD_WEIGHT = 4;
const FIELD_WEIGHT = 20;
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
/** Words that say nothing about a person. */
const STOPWORDS = new Set(
  'a about after all also am an and any are as at be been before but by can could did do does for from get got had has have he her here him his how i if in into is it its just like ll m me more most my no not now of on one only or other our out over re s she so some t than that the their them then there these they this to too up us ve very was we were what when which who will with would you your'.split(
    ' ',
  ),
);

/** Feature counts of a text. */
export function countFeatures(text: string): Int32Array {
  const counts = new Int32Array(FEATURE_DIMENSIONS);
  for (const [found] of text.toLowerCase().matchAll(WORD)) {
    if (STOPWORDS.has(found)) continue;
    const word = found.length > MAX_WORD ? found.slice(0, MAX_WORD) : found;
    add(counts, word, 0, word.length, WORD_WEIGHT);
    const padded = ` ${word} `;
    for (const size of GRAMS) {
      for (let start = 0; start + size <= padded.length; start++) add(counts, padded, start, start + size, 1);
    }
  }
  return counts;
}

/** FNV-1a over the code units; ten bits choose the dimension, another one the sign. */
function add(counts: Int32Array, text: string, start: number, end: number, weight: number): void {
  let hash = FNV_OFFSET;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ text.charCodeAt(at), FNV_PRIME);
  hash ^= hash >>> 15;
  const dimension = hash & (FEATURE_DIMENSIONS - 1);
  counts[dimension] = (counts[dimension] ?? 0) + ((hash & 0x100000) === 0 ? weight : -weight);
}

/** Feature counts of typed fields: numbers by their magnitude, everything else by its value. */
export function countFields(fields: Iterable<readonly [name: string, value: FieldValue]>): Int32Array {
  const counts = new Int32Array(FEATURE_DIMENSIONS);
  for (const [name, value] of fields) {
    for (const one of Array.isArray(value) ? value : [value]) {
      const text = `${name}=${typeof one === 'number' ? bandOf(one) : String(one).toLowerCase()}`;
      add(counts, text, 0, text.length, FIELD_WEIGHT);
    }
  }
  return counts;
}

/** Numbers that are near each other are the same feature: ten bands for each power of ten. */
function bandOf(value: number): string {
  if (value === 0) return '0';
  const magnitude = 10 ** Math.floor(Math.log10(Math.abs(value)));
  return `${Math.floor((value / magnitude) * 2) / 2}e${Math.log10(magnitude)}`;
}

/** The sum of counts. */
export function addCounts(...all: readonly Int32Array[]): Int32Array {
  const sum = new Int32Array(FEATURE_DIMENSIONS);
  for (const counts of all)
    for (let index = 0; index < FEATURE_DIMENSIONS; index++)
      sum[index] = (sum[index] ?? 0) + (counts[index] ?? 0);
  return sum;
}

/** The vector of these counts. The root keeps what is repeated often from drowning the rest. */
export function embedCounts(counts: Int32Array): Embedding {
  const damped = Float64Array.from(counts, (count) => Math.sign(count) * Math.sqrt(Math.abs(count)));
  return { model: FEATURE_HASH, vector: quantize(damped) };
}

/** As the table keeps it: little-endian 32-bit integers. */
export function writeCounts(counts: Int32Array): Buffer {
  const bytes = Buffer.alloc(FEATURE_DIMENSIONS * 4);
  for (const [index, count] of counts.entries()) bytes.writeInt32LE(count, index * 4);
  return bytes;
}

/** @param bytes what writeCounts has written; anything of another length counts as nothing */
export function readCounts(bytes: Buffer | null | undefined): Int32Array {
  const counts = new Int32Array(FEATURE_DIMENSIONS);
  if (bytes == null || bytes.length !== FEATURE_DIMENSIONS * 4) return counts;
  for (let index = 0; index < FEATURE_DIMENSIONS; index++) counts[index] = bytes.readInt32LE(index * 4);
  return counts;
}
