/** What the columns of a delimited file are called: its header line, tidied up. */

/** A column as it stands in the file. */
export interface NamedColumn {
  /** 0-based among the cells of a record. */
  index: number;
  /** Trimmed; empty for a column without a name. A name that comes again has a suffix: `email`, `email_2`. */
  name: string;
  /** The name without the suffix; undefined when it has none. */
  repeats?: string;
}

/** White space, and characters that nobody sees: byte order marks, zero-width spaces, soft hyphens. */
const UNSEEN = /[\s\p{Cf}]/u;

/** Without what nobody sees at its ends. By hand: a pattern for the end begins anew at each blank. */
function trimName(name: string): string {
  let [start, end] = [0, name.length];
  while (start < end && UNSEEN.test(name[start] as string)) start++;
  while (start < end && UNSEEN.test(name[end - 1] as string)) end--;
  return name.slice(start, end);
}

/** The columns of a header, each with a name of its own. */
export function nameColumns(header: readonly string[]): NamedColumn[] {
  const trimmed = header.map(trimName);
  const taken = new Set(trimmed);
  const seen = new Set<string>();
  return trimmed.map((name, index) => {
    if (name === '' || !seen.has(name)) {
      seen.add(name);
      return { index, name };
    }
    let n = 2;
    while (taken.has(`${name}_${n}`)) n++;
    const suffixed = `${name}_${n}`;
    taken.add(suffixed);
    return { index, name: suffixed, repeats: name };
  });
}

/** The form in which names are compared: `User ID`, `user_id` and `userId` are the same. */
export function foldName(name: string): string {
  return name
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]/gu, '');
}

/** The column that is meant by a name: the one that is called so, else the first that differs in case or signs only. */
export function findColumn(columns: readonly NamedColumn[], name: string): NamedColumn | undefined {
  const trimmed = trimName(name);
  if (trimmed === '') return undefined;
  const folded = foldName(trimmed);
  return (
    columns.find((column) => column.name === trimmed) ??
    columns.find((column) => folded !== '' && foldName(column.name) === folded)
  );
}
