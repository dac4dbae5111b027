/** What the columns of a CSV become: nothing that stands in a cell is lost by a type, and no two columns become one. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { nameColumns } from '#file/name-columns';
import { ENTITIES } from '#job/entity';
import { CELL_TYPES, type CellType, type Mapping } from '#job/reading';
import {
  ColumnTypes,
  MappingError,
  placeMapping,
  planColumns,
  RecordWriter,
  requireOwnKeys,
} from './map-columns';

/** The types that columns of these records get. */
function typesOf(
  header: readonly string[],
  records: readonly string[][],
  mapping: Mapping = { types: 'infer' },
) {
  const types = new ColumnTypes(planColumns(header, ENTITIES.user), mapping);
  for (const record of records) types.add(record);
  return types.types;
}

/** The type that a column of these cells gets. */
function typeOf(cells: readonly string[], mapping?: Mapping): CellType | undefined {
  return typesOf(
    ['user_id', 'cell'],
    cells.map((cell) => ['u', cell]),
    mapping,
  )[1];
}

/** The row of one record, by a column of a type. */
function write(cell: string, type: CellType, mapping: Mapping = {}): string {
  const writer = new RecordWriter(planColumns(['user_id', 'cell'], ENTITIES.user), ['string', type], mapping);
  return String(writer.write(['u', cell]));
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
    const records = [
      ['1', '2', '3'],
      ['4', '5', 'x'],
    ];
    expect(typesOf(['user_id', 'company_id', 'n'], records)).toEqual(Array(3).fill('string'));
  });

  it.each<[CellType, Mapping, string[]]>([
    ['number', { decimal: ',' }, ['1.234,56', '0,5', '1234', '-1.000']],
    ['string', { decimal: ',' }, ['1,234.56']],
    ['string', { decimal: ',' }, ['007']],
    ['string', { decimal: ',' }, ['12.34']],
    ['number', { decimal: '.' }, ['1,234.56', '12.5']],
    [
      'boolean',
      { true_values: ['WAHR', 'yes'], false_values: ['FALSCH'] },
      ['WAHR', 'FALSCH', 'yes', 'true'],
    ],
    ['number', { null_values: ['N/A', '-'] }, ['1', 'N/A', '-', '2']],
    ['date', { date_format: 'dd.MM.yyyy' }, ['31.01.2026', '29.02.2024']],
    ['string', { date_format: 'dd.MM.yyyy' }, ['31.02.2026']],
    ['string', { date_format: 'dd.MM.yyyy' }, ['2026-01-31']],
  ])('is %s when asked for %j and the cells are %j', (type, mapping, cells) => {
    expect(typeOf(cells, { types: 'infer', ...mapping })).toBe(type);
  });
});

it.each<[string, CellType, Mapping, string]>([
  ['1.234,50', 'number', { decimal: ',' }, '{"user_id":"u","metadata":{"cell":1234.50}}'],
  ['31.01.2026', 'date', { date_format: 'dd.MM.yyyy' }, '{"user_id":"u","metadata":{"cell":"2026-01-31"}}'],
  [
    '1/2/2026 9:05',
    'date',
    { date_format: 'M/d/yyyy H:mm' },
    '{"user_id":"u","metadata":{"cell":"2026-01-02T09:05:00"}}',
  ],
  ['WAHR', 'boolean', { true_values: ['WAHR'] }, '{"user_id":"u","metadata":{"cell":true}}'],
  ['NULL', 'string', { null_values: ['NULL'] }, '{"user_id":"u","metadata":{}}'],
  ['NULL', 'string', {}, '{"user_id":"u","metadata":{"cell":"NULL"}}'],
])('%s as %s with %j is %s', (cell, type, mapping, json) => {
  expect(write(cell, type, mapping)).toBe(json);
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
  const writer = new RecordWriter(planColumns(['user_id', 'n'], ENTITIES.user), ['string', 'number']);
  expect(['1', 'x', '', '2'].map((cell) => writer.write(['u', cell]))).toEqual([
    '{"user_id":"u","metadata":{"n":1}}',
    '{"user_id":"u","metadata":{"n":"x"}}',
    '{"user_id":"u","metadata":{}}',
    '{"user_id":"u","metadata":{"n":2}}',
  ]);
  expect([...writer.misfits]).toEqual([['n', 1]]);
});

/** The columns by a mapping, as a file's are settled. */
function mapped(
  header: readonly string[],
  mapping: Mapping,
  idColumn = 0,
  companyColumn: number | null = null,
) {
  const columns = planColumns(header, ENTITIES.user, {
    ...placeMapping(nameColumns(header), mapping),
    idColumn,
    companyColumn,
  });
  requireOwnKeys(columns);
  return columns;
}

describe('a mapping', () => {
  it('renames columns, whatever they are called', () => {
    const columns = mapped(
      ['key', 'org', 'Plan Name', '__proto__'],
      { rename: { 'plan name': 'plan' } },
      0,
      1,
    );
    expect(new RecordWriter(columns).write(['u', 'c', 'pro', 'x'])).toBe(
      '{"user_id":"u","company_id":"c","metadata":{"plan":"pro","__proto__":"x"}}',
    );
  });

  it('leaves columns out, and columns without a name or with the errors of an earlier import are left out', () => {
    const columns = mapped(['user_id', 'secret', 'a', '', 'muster_error'], { skip: ['secret'] });
    expect(new RecordWriter(columns).write(['u', 'x', 'y', 'z', 'c'])).toBe(
      '{"user_id":"u","metadata":{"a":"y"}}',
    );
  });

  it.each<[string, string[], Mapping]>([
    ['leaves out a column that is not there', ['user_id'], { skip: ['a'] }],
    ['renames a column that is not there', ['user_id'], { rename: { a: 'b' } }],
    ['makes one of two columns', ['user_id', 'a', 'b'], { rename: { a: 'b' } }],
  ])('that %s is refused', (_name, header, mapping) => {
    expect(() => mapped(header, mapping)).toThrow(MappingError);
  });

  it('that types a column that is not there is refused', () => {
    expect(() => typesOf(['user_id'], [], { types: { a: 'number' } })).toThrow(MappingError);
  });
});

describe('a record', () => {
  const writer = new RecordWriter(planColumns(['user_id', 'email', 'email'], ENTITIES.user));

  it('of which cells are missing at the end has them empty', () => {
    expect(writer.write(['u'])).toBe('{"user_id":"u","metadata":{}}');
  });

  it('with more cells than columns fails and says how many, unless they are empty', () => {
    expect(writer.write(['u', '1', '2', '', ''])).toBe(
      '{"user_id":"u","metadata":{"email":"1","email_2":"2"}}',
    );
    expect(writer.write(['u', '1', '2', '3'])).toMatchObject({
      code: 'too_many_cells',
      message: expect.stringContaining('4 cells; there are 3 columns'),
    });
  });
});
