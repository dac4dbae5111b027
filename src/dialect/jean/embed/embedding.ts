/**
 * Vectors of users. A vector is signed bytes: each number of the original divided by the largest one and rounded, which
 * changes a cosine by less than 0.005. Length does not matter, because only cosines are taken.
 */

/** A user's vector and what made it: only vectors of one model can be compared. */
export interface Embedding {
  /** Name and version of the model, such as `feature-hash-1`. */
  model: string;
  vector: Int8Array;
}

/** Most dimensions that a provider may answer with: a row of the table has to fit a page. */
export const MAX_DIMENSIONS = 4_096;

const LARGEST = 127;

/** @param numbers any numbers; all zero stays all zero */
export function quantize(numbers: ArrayLike<number>): Int8Array {
  let largest = 0;
  for (let index = 0; index < numbers.length; index++)
    largest = Math.max(largest, Math.abs(numbers[index] ?? 0));
  const vector = new Int8Array(numbers.length);
  if (largest === 0) return vector;
  for (let index = 0; index < numbers.length; index++)
    vector[index] = Math.round(((numbers[index] ?? 0) / largest) * LARGEST);
  return vector;
}

/** Euclidean length. */
export function lengthOf(vector: Int8Array): number {
  let sum = 0;
  for (const one of vector) sum += one * one;
  return Math.sqrt(sum);
}
