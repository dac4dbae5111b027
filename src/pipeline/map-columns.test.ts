/** What the columns of a CSV become: nothing that stands in a cell is lost by a type, and no two columns become one. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ENTITIES } from '#job/entity';
import {
  CELL_TYPES,
  type CellType,
  type ColumnMapping,
  MappingError,
  mapColumns,
  placeColumns,
  RecordWriter,
  typesOf,
} from './map-columns';

const AS_IT_IS: ColumnMapping = {
  idColumn: 'user_id',
  renamed: new Map(),
  skipped: new Set(),
  types: new Map(),
  infers: true,
};

/** The type that a column of these cells gets. */
function typeOf(cells: readonly string[]): CellType | undefined {
  const columns = placeColumns(['user_id', 'cell'], ENTITIES.user);
  const records = cells.map((cell) => ['u', cell]);
  return typesOf(columns, AS_IT_IS, records)[1];
}

/** The row of one record, by a column of a type. */
function write(cell: string, type: CellType): string {
  const writer = new RecordWriter(placeColumns(['user_id', 'cell'], ENTITIES.user), ['string', type]);
  return writer.write(['u', cell]) ?? '';
}

describe('the type of a column', () => {
  it.each<[CellType, string[]]>([
    ['number', ['0', '-1', '12.50', '', '999999999999999']],
    ['boolean', ['true', '', 'false']],
    ['string', ['007']],
    ['string', ['1', '007']],
    ['string', ['1e3']],
    ['string', ['+1']],
    ['string', ['.5', '1.']],
    ['string', ['1', 'true']],
    ['string', ['TRUE']],
    ['string', ['12345678901234567890']],
    ['string', [' 1']],
    ['string', ['', '']],
    ['string', []],
  ])('is %s for the cells %j', (type, cells) => {
    expect(typeOf(cells)).toBe(type);
  });

  it('is that of all its cells, and ids are strings whatever they look like', () => {
    const columns = placeColumns(['user_id', 'company_id', 'n'], ENTITIES.user);
    expect(
      typesOf(columns, AS_IT_IS, [
        ['1', '2', '3'],
        ['4', '5', 'x'],
      ]),
    ).toEqual(Array(3).fill('string'));
  });
});

it('whatever the cell and the type, the row says the cell, character by character', () => {
  const cell = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.double().map(String),
    fc.bigInt().map(String),
    fc.constantFrom('true', 'false', '007', '-0', '0.10', '1e400'),
  );
  fc.assert(
    fc.property(cell, fc.constantFrom(...CELL_TYPES), (text, type) => {
      const json = write(text, type);
      const value = JSON.parse(json).metadata.cell as string | undefined;
      if (text === '') return expect(value).toBeUndefined();
      if (typeof value === 'string') return expect(value).toBe(text);
      // As its own text, which JSON.parse may round.
      expect(json).toContain(`"cell":${text}}`);
      expect(String(type === 'number' ? Number(text) : value)).toBe(type === 'number' ? String(value) : text);
    }),
  );
});

it('a cell that does not have the type of its column stays a string and is counted', () => {
  const writer = new RecordWriter(placeColumns(['user_id', 'n'], ENTITIES.user), ['string', 'number']);
  expect(['1', 'x', '', '2'].map((cell) => writer.write(['u', cell]))).toEqual([
    '{"user_id":"u","metadata":{"n":1}}',
    '{"user_id":"u","metadata":{"n":"x"}}',
    '{"user_id":"u","metadata":{}}',
    '{"user_id":"u","metadata":{"n":2}}',
  ]);
  expect([...writer.misfits]).toEqual([['n', 1]]);
});

describe('a mapping', () => {
  it('names the columns of id and company, and renames the others', () => {
    const mapping = {
      ...AS_IT_IS,
      idColumn: 'key',
      companyColumn: 'org',
      renamed: new Map([['Plan Name', 'plan']]),
    };
    const columns = mapColumns(['key', 'org', 'Plan Name', '__proto__'], ENTITIES.user, mapping);
    expect(new RecordWriter(columns).write(['u', 'c', 'pro', 'x'])).toBe(
      '{"user_id":"u","company_id":"c","metadata":{"plan":"pro","__proto__":"x"}}',
    );
  });

  it('leaves columns out, also ones that come twice', () => {
    const mapping = { ...AS_IT_IS, skipped: new Set(['secret', 'company_id']) };
    const columns = mapColumns(['user_id', 'secret', 'a', 'secret', 'company_id'], ENTITIES.user, mapping);
    const writer = new RecordWriter(columns);
    expect(writer.write(['u', 'x', 'y', 'z', 'c'])).toBe('{"user_id":"u","metadata":{"a":"y"}}');
  });

  it.each<[string, string[], Partial<ColumnMapping>]>([
    ['leaves out a column that is not there', ['user_id'], { skipped: new Set(['a']) }],
    ['names a column that is not there', ['user_id'], { companyColumn: 'org' }],
    ['renames a column that is not there', ['user_id'], { renamed: new Map([['a', 'b']]) }],
    ['types a column that is not there', ['user_id'], { types: new Map([['a', 'number']]) }],
    ['makes one of two columns', ['user_id', 'a', 'b'], { renamed: new Map([['a', 'b']]) }],
    ['meets a header that has a column twice', ['user_id', 'a', 'a'], {}],
  ])('that %s is refused', (_name, header, given) => {
    expect(() => mapColumns(header, ENTITIES.user, { ...AS_IT_IS, ...given })).toThrow(MappingError);
  });
});
