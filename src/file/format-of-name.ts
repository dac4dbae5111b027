/** What a file is said to be by its name. */

/** @returns undefined when the name does not say it; `.gz` behind it says nothing */
export function formatOfName(name: string): 'csv' | 'ndjson' | undefined {
  if (/\.(?:csv|tsv)(?:\.gz)?$/i.test(name)) return 'csv';
  return /\.(?:ndjson|jsonl)(?:\.gz)?$/i.test(name) ? 'ndjson' : undefined;
}
