/** What a file is taken for until somebody says otherwise, and what the service is told of it. */
import { describe, expect, it } from '@jest/globals';
import { LEFT_OUT } from '../check/messages';
import { guessKind, guessMapping, writeMapping } from './guess';

const columns = (idColumn: string | undefined, ...header: string[]) => ({
  format: 'CSV',
  isReadable: true,
  delimiter: ',',
  idColumn,
  header,
  samples: header.map(() => []),
  types: header.map(() => 'string' as const),
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
    ['user_id', ['name', 'user_id', 'company_id'], 'user_id', 'company_id'],
    ['Customer ID', ['name', 'Customer ID', 'Company ID'], 'Customer ID', 'Company ID'],
    [undefined, ['name', 'E-Mail'], 'E-Mail', undefined],
    [undefined, ['', 'name', 'age'], 'name', undefined],
  ])(
    'when the service finds %s in %j takes %s for the id and %s for the company',
    (found, header, id, company) => {
      const guessed = guessMapping(columns(found, ...header), 'users');
      expect(guessed).toMatchObject({ idColumn: id, companyColumn: company });
    },
  );

  const table = columns('user_id', 'user_id', 'company_id', 'age', 'plan');
  const plain = guessMapping(table, 'users');

  it('that is as the service reads the file by itself is not sent', () => {
    expect(writeMapping(table, plain)).toBeUndefined();
  });

  it.each([
    [{ idColumn: 'age' }, { id: 'age' }],
    [{ companyColumn: 'plan' }, { company: 'plan' }],
    [{ companyColumn: undefined }, { skip: ['company_id'] }],
    [{ names: ['user_id', 'company_id', 'years', 'plan'] }, { rename: { age: 'years' } }],
    [
      { types: ['string' as const, 'string' as const, 'number' as const, LEFT_OUT] as const },
      { types: { age: 'number' }, skip: ['plan'] },
    ],
  ])('with %j is sent as %j', (change, mapping) => {
    expect(writeMapping(table, { ...plain, ...change } as typeof plain)).toEqual(mapping);
  });
});
