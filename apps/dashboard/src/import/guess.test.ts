/** What a file is taken for until somebody says otherwise. */
import { describe, expect, it } from '@jest/globals';
import { guessFormat, guessKind, guessMapping, isPlain } from './guess';

const columns = (...header: string[]) => ({
  header,
  samples: header.map(() => []),
  types: header.map(() => 'string' as const),
});

it.each([
  ['a.CSV', 'csv'],
  ['a.json', 'json'],
  ['a.jsonl', 'ndjson'],
  ['a', 'ndjson'],
])('%s is %s', (name, format) => {
  expect(guessFormat({ name, type: '' })).toBe(format);
});

it.each([
  ['companies.csv', ['user_id', 'company_id'], 'users'],
  ['a.csv', ['company_id', 'name'], 'companies'],
  ['Companies.ndjson', [], 'companies'],
  ['a.ndjson', [], 'users'],
])('%s with the columns %j holds %s', (name, header, kind) => {
  expect(guessKind(name, header)).toBe(kind);
});

describe('a mapping', () => {
  it.each([
    [['name', 'user_id', 'company_id'], 'user_id', 'company_id'],
    [['name', 'customer ID'], 'customer ID', undefined],
    [['name', 'E-Mail'], 'E-Mail', undefined],
    [['name', 'age'], 'name', undefined],
  ])('of the columns %j takes %s for the id and %s for the company', (header, idColumn, companyColumn) => {
    expect(guessMapping(columns(...header), 'users')).toMatchObject({ idColumn, companyColumn });
  });

  it('is plain exactly when the service reads the file like that by itself', () => {
    const header = ['user_id', 'company_id', 'age'];
    const plain = guessMapping(columns(...header), 'users');
    expect(isPlain(plain, 'users', header)).toBe(true);
    for (const change of [
      { companyColumn: undefined },
      { idColumn: 'age' },
      { companyColumn: 'age' },
      { names: ['user_id', 'company_id', 'years'] },
      { types: ['string' as const, 'string' as const, 'number' as const] },
    ]) {
      expect(isPlain({ ...plain, ...change }, 'users', header)).toBe(false);
    }
  });
});
