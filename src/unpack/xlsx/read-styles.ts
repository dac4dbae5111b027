/** Which cells of a workbook are dates: their number format says so, nothing else does. */
import { readXml } from './read-xml';

/**
 * date: a day, and a time when it has one; date-time: a day and a time; time: a time of the day; duration: hours that go on
 * beyond 24.
 */
export type NumberKind = 'number' | 'date' | 'date-time' | 'time' | 'duration';

/** Formats that are not spelled out in a workbook. Those from 27 on mean dates in Chinese, Japanese and Korean only. */
const BUILT_IN: readonly (readonly [first: number, last: number, kind: NumberKind])[] = [
  [14, 17, 'date'],
  [18, 21, 'time'],
  [22, 22, 'date-time'],
  [27, 31, 'date'],
  [32, 33, 'time'],
  [34, 36, 'date'],
  [45, 45, 'time'],
  [46, 46, 'duration'],
  [47, 47, 'time'],
  [50, 58, 'date'],
];

/** @returns the kind of a cell's number, by the cell's style @throws AppError invalid_json */
export async function readStyles(part: AsyncIterable<Buffer>): Promise<NumberKind[]> {
  const custom = new Map<number, NumberKind>();
  const kinds: NumberKind[] = [];
  let isOfCells = false;
  await readXml(part, {
    open: (name, { numFmtId, formatCode }) => {
      if (name === 'cellXfs') isOfCells = true;
      else if (name === 'numFmt') custom.set(Number(numFmtId), kindOf(formatCode ?? ''));
      else if (name === 'xf' && isOfCells)
        kinds.push(custom.get(Number(numFmtId)) ?? builtIn(Number(numFmtId)));
    },
    close: (name) => {
      if (name === 'cellXfs') isOfCells = false;
    },
  });
  return kinds;
}

function builtIn(id: number): NumberKind {
  return BUILT_IN.find(([first, last]) => id >= first && id <= last)?.[2] ?? 'number';
}

/** @param format such as `[$-409]d/m/yy h:mm;@` or `#,##0.00 "days"` */
export function kindOf(format: string): NumberKind {
  // Of positive numbers; what is quoted, escaped or a filler is text, not a place for a part of the date.
  const [code = ''] = format.replaceAll(/"[^"]*"?|\\.|_.|\*./gu, '').split(';');
  if (/\[(?:h+|m+|s+)\]/i.test(code)) return 'duration';
  const parts = code.replaceAll(/\[[^\]]*\]/g, '').replaceAll(/general|standard|am\/pm|a\/p/gi, '');
  const hasTime = /[hs]/i.test(parts);
  const hasDay = /[yd]/i.test(parts) || (!hasTime && /m/i.test(parts));
  if (hasDay) return hasTime ? 'date-time' : 'date';
  return hasTime ? 'time' : 'number';
}
