/** The flags that say how a file is to be read, of every command that reads one. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { isDelimiter } from '#file/detect-delimiter';
import { CELL_TYPES, type CellType, ID_MODES } from '#job/reading';
import { FORMATS } from '#pipeline/cut/cut-file';
import { KINDS, type Reading } from './request';

/** As commander gives them. */
export type ReadingFlags = Partial<Reading> & Pick<Reading, 'kind' | 'types'>;

export function addReadingOptions(command: Command): Command {
  return command
    .addOption(new Option('--kind <kind>', 'what the rows are').choices(KINDS).default('users'))
    .addOption(new Option('--format <format>', 'default: by what is in the file').choices(FORMATS))
    .option(
      '--id-column <name>',
      'column of the id in a table, key of it in JSON (default user_id or company_id, else found by name)',
    )
    .option('--company-column <name>', 'column or key of the company of a user (default company_id)')
    .option('--map <old=new>', 'renames a column or key; may be given again', collectPairs)
    .option('--skip <column>', 'leaves a column or key out; may be given again', collectNames)
    .option(
      '--types <types>',
      'infer: columns of numbers or of true and false become such, 007 stays text; text: all is text; or ' +
        'name=number,name=boolean for these columns, the others are text',
      readTypes,
      'infer',
    )
    .option('--columns <names>', 'names of the columns of a table that has no header line: a,b,c', readWords)
    .option(
      '--delimiter <sign>',
      'what divides cells: one character, or tab (default: found in the file)',
      readDelimiter,
    )
    .option(
      '--encoding <label>',
      'such as windows-1252 or utf-16le (default: found in the file)',
      readEncoding,
    )
    .option(
      '--sheet <sheet>',
      'name or number of the sheet of a workbook (default: the first visible one with text)',
    )
    .option('--null-values <words>', 'values that count as empty: NULL,N/A,-', readWords)
    .option('--true-values <words>', 'cells that are true: yes,WAHR', readWords)
    .option('--false-values <words>', 'cells that are false: no,FALSCH', readWords)
    .addOption(
      new Option(
        '--decimal <sign>',
        'between whole numbers and fractions; the other one may group digits',
      ).choices(['.', ',']),
    )
    .option('--date-format <format>', 'how dates are written, such as dd.MM.yyyy; they become ISO 8601')
    .option('--flat', 'keys of a row beside its ids are metadata')
    .addOption(
      new Option('--ids <mode>', 'stringify takes an id that is a number as text')
        .choices(ID_MODES)
        .default('strict'),
    )
    .option('--strict', 'refuses a table whose header has a blank or a repeated name');
}

export function readingOf(flags: ReadingFlags): Reading {
  const { kind, format, idColumn, companyColumn, skip = [], map = [], types } = flags;
  const { columns, delimiter, encoding, sheet, nullValues, trueValues, falseValues } = flags;
  const { decimal, dateFormat, flat, ids, strict } = flags;
  const cells = {
    columns,
    delimiter,
    encoding,
    sheet,
    nullValues,
    trueValues,
    falseValues,
    decimal,
    dateFormat,
  };
  return { kind, format, idColumn, companyColumn, skip, map, types, ...cells, flat, ids, strict };
}

function readWords(text: string): string[] {
  return text.split(',');
}

function readDelimiter(text: string): string {
  const sign = text === 'tab' || text === '\\t' ? '\t' : text;
  if (isDelimiter(sign)) return sign;
  throw new InvalidArgumentError('It is one character that is no letter, digit or quote, or the word tab.');
}

function readEncoding(label: string): string {
  try {
    return new TextDecoder(label).encoding;
  } catch {
    throw new InvalidArgumentError('It is no encoding that is known.');
  }
}

function collectNames(word: string, before: string[] = []): string[] {
  return [...before, word];
}

function collectPairs(word: string, before: [string, string][] = []): [string, string][] {
  const at = word.indexOf('=');
  if (at < 1 || at === word.length - 1) throw new InvalidArgumentError('It has the form old=new.');
  return [...before, [word.slice(0, at), word.slice(at + 1)]];
}

function readTypes(word: string): Reading['types'] {
  if (word === 'infer' || word === 'text') return word;
  return word.split(',').map((pair): [string, CellType] => {
    const at = pair.lastIndexOf('=');
    const type = CELL_TYPES.find((one) => one === pair.slice(at + 1));
    if (at >= 1 && type !== undefined) return [pair.slice(0, at), type];
    throw new InvalidArgumentError(`It is infer, text, or a list of name=${CELL_TYPES.join('|')}.`);
  });
}
