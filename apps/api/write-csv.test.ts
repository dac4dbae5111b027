import { expect, it } from '@jest/globals';
import { writeCsv } from './write-csv';

/** The cells of a line as a spreadsheet has them that separates at semicolons and knows quotes only at the start of a cell. */
const splitAtSemicolons = (line: string) => line.split(/[;\t\r\n]/);

it.each([
  '=1+1',
  '+1',
  '-1',
  '@SUM(A1)',
  '\t=1',
  '\r=1',
  ' =1+1',
  '"=1+1"',
  '\uff1d1+1',
  'a;=1+1',
  'a; =1+1',
  'a;"=1+1"',
  'a;b;-1',
  'a\t=1+1',
  'a\n=1+1',
  "a;=cmd|' /C calc'!A0;b",
])('no cell of %j begins a formula, whichever character separates cells', (text) => {
  const line = writeCsv([[1, text, 'created']]);
  const cells = [...splitAtSemicolons(line.trimEnd()), ...line.trimEnd().split(',')];
  for (const cell of cells) expect(cell).not.toMatch(/^[\s"]*[=+\-@\uff1d\uff0b\uff0d\uff20]/);
});

it('other text and numbers stay as they are', () => {
  expect(writeCsv([[-1, 'a-b', 'a;b', "it's", 'x=1', 'a "quoted" word', '']])).toBe(
    `-1,a-b,"a;b",it's,x=1,"a ""quoted"" word",\n`,
  );
});
