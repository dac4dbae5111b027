/** A table as text, its columns padded. */

/**
 * @param lines the headings first
 * @param textColumns columns that stand left; the others are numbers
 */
export function toTextTable(lines: readonly (readonly string[])[], textColumns: ReadonlySet<number>): string {
  const [headings = []] = lines;
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const text = lines.map((line) =>
    line
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return textColumns.has(column) ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
  return `${text.join('\n')}\n`;
}
