/** The flags that say how a file is to be read, of every command that reads one. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { FORMATS } from '#pipeline/cut/create-cutter';
import { CELL_TYPES, type CellType } from '#pipeline/map-columns';
import { KINDS, type Reading } from './request';

/** As commander gives them. */
export type ReadingFlags = Partial<Reading> & Pick<Reading, 'kind' | 'types'>;

export function addReadingOptions(command: Command): Command {
  return command
    .addOption(new Option('--kind <kind>', 'what the rows are').choices(KINDS).default('users'))
    .addOption(
      new Option('--format <format>', 'default: by the name, else by the first bytes').choices(FORMATS),
    )
    .option('--id-column <name>', 'column of the id in a CSV (default user_id or company_id)')
    .option('--company-column <name>', 'column of the company in a CSV of users (default company_id)')
    .option('--map <old=new>', 'renames a column of a CSV; may be given again', collectPairs)
    .option('--skip <column>', 'leaves a column of a CSV out; may be given again', collectNames)
    .option(
      '--types <types>',
      'infer: columns of numbers or of true and false become such, 007 stays text; text: all is text; or ' +
        'name=number,name=boolean for these columns, the others are text',
      readTypes,
      'infer',
    );
}

export function readingOf(flags: ReadingFlags): Reading {
  const { kind, format, idColumn, companyColumn, skip = [], map = [], types } = flags;
  return { kind, format, idColumn, companyColumn, skip, map, types };
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
