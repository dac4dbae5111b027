/** What readRow hands on is, to PostgreSQL, the same JSON as what the client wrote: judged by PostgreSQL itself. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import pg from 'pg';
import { readRow } from '../../src/pipeline/read-row';

let client: pg.Client;
beforeAll(async () => {
  client = new pg.Client({ connectionString: process.env.TEST_DATABASE_URL });
  await client.connect();
});
afterAll(() => client.end());

/** Metadata of the row as PostgreSQL reads it in the client's text, and as it reads what readRow made of it. */
async function bothWays(raw: string, metadata: string): Promise<{ written: string; handedOn: string }> {
  const { rows } = await client.query(
    `SELECT coalesce(nullif($1::jsonb -> 'metadata', 'null'), '{}')::text AS written, $2::jsonb::text AS "handedOn"`,
    [raw, metadata],
  );
  return rows[0];
}

const short = (number: string) =>
  number.length > 60 ? `${number.slice(0, 20)}... (${number.length} digits)` : number;

const space = fc.constantFrom('', '', '', ' ', '\n', '\t ', '\r\n');
const digits = (max: number) => fc.stringMatching(new RegExp(`^[0-9]{1,${max}}$`));
const numberText = fc.oneof(
  fc.constantFrom('0', '-0', '1.0', '0.10', '1E5', '1e+2', '-0.0', '9007199254740993', '1e-300', '1.50e10'),
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc
    .tuple(fc.constantFrom('', '-'), digits(40), digits(30), fc.integer({ min: -200, max: 200 }))
    .map(([sign, whole, fraction, exponent]) => `${sign}${BigInt(whole)}.${fraction}e${exponent}`),
  digits(60).map((whole) => String(BigInt(whole))),
);

/** A string as JSON, some of its characters as escapes. */
const stringText = (text: fc.Arbitrary<string>) =>
  fc.tuple(text, fc.infiniteStream(fc.boolean())).map(([plain, escaped]) => {
    const units = (character: string) =>
      character.split('').map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
    const characters = [...plain.replaceAll('\0', '')].map((character) =>
      escaped.next().value ? units(character).join('') : JSON.stringify(character).slice(1, -1),
    );
    return `"${characters.join('')}"`;
  });
const plainText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom(
    ': 1.0,',
    '{"metadata":{"a":2.0}}',
    '"',
    '\\',
    '}',
    '\u2028',
    '__proto__',
    'toJSON',
    '10',
    '1',
  ),
);
const keyText = stringText(plainText.filter((text) => text.replaceAll('\0', '') !== ''));
const valueText = fc.oneof(
  numberText,
  numberText,
  stringText(plainText),
  fc.constantFrom('true', 'false', 'null'),
);

/** Members as text, with white space wherever JSON allows it; keys may come again. */
const object = (members: fc.Arbitrary<[string, string][]>) =>
  fc.tuple(members, fc.infiniteStream(space)).map(([list, spaces]) => {
    const s = () => spaces.next().value as string;
    return `{${s()}${list.map(([key, value]) => `${s()}${key}${s()}:${s()}${value}${s()}`).join(',')}}`;
  });
const metadataText = object(
  fc.array(fc.tuple(fc.oneof(keyText, fc.constantFrom('"a"', '"\\u0061"', '"b"')), valueText), {
    maxLength: 8,
  }),
);
const ignored = fc.oneof(
  fc.tuple(fc.constantFrom('"x"', '"metadat\\u0061x"', '"Metadata"'), fc.oneof(valueText, metadataText)),
  metadataText.map((text): [string, string] => ['"y"', `[1.0,{"metadata":${text}}]`]),
);
const metadataMember = fc.oneof(
  fc.tuple(fc.constantFrom('"metadata"', '"met\\u0061data"'), metadataText),
  fc.constant<[string, string]>(['"metadata"', 'null']),
);
const rowText = object(
  fc
    .tuple(fc.array(ignored, { maxLength: 2 }), fc.array(metadataMember, { maxLength: 2 }), fc.nat())
    .map(([others, metadata, turn]) => {
      const members: [string, string][] = [['"user_id"', '"u"'], ...others];
      for (const [index, member] of metadata.entries()) {
        // Anywhere among the others, but in order among themselves.
        const at = index === 0 ? turn % (members.length + 1) : members.length;
        members.splice(at, 0, member);
      }
      return members;
    }),
);

describe('the metadata that is handed on', () => {
  it('is to PostgreSQL the same as the metadata that was written, digit by digit, however it was written', async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(rowText, async (raw) => {
        const row = readRow(Buffer.from(raw), 'user');
        // What is refused is judged elsewhere; here are only rules that the writer above can break.
        if (row.errors.length > 0) {
          expect(
            row.errors.every(({ code }) => code === 'number_out_of_range' || code === 'invalid_character'),
          ).toBe(true);
          return;
        }
        accepted++;
        const { written, handedOn } = await bothWays(raw, row.metadata);
        expect(handedOn).toBe(written);
      }),
      { numRuns: 3_000 },
    );
    expect(accepted).toBeGreaterThan(2_000);
  });

  it.each(
    [
      '9007199254740993',
      '0.10',
      '1.0',
      '-123456789012345678901234567890.123456789012345678901234567890',
      '1.7976931348623157e308',
      '5e-324',
      `0.${'0'.repeat(16_383)}`,
      `1.${'1'.repeat(16_383)}`,
      `-${'1'.repeat(309)}`,
    ].map((number) => [short(number), number]),
  )('with %s is stored by PostgreSQL as it was written', async (_, number = '') => {
    const raw = `{"user_id":"u","metadata":{"a":${number}}}`;
    const { metadata, errors } = readRow(Buffer.from(raw), 'user');
    expect(errors).toEqual([]);
    const { written, handedOn } = await bothWays(raw, metadata);
    expect(handedOn).toBe(written);
    if (!number.includes('e')) expect(handedOn).toBe(`{"a": ${number}}`);
  });

  it('is never one that PostgreSQL refuses, whatever the number', async () => {
    const spelling = fc
      .tuple(
        fc.constantFrom('', '-'),
        fc.constantFrom('0', '1', '9', '17', '123'),
        fc.oneof(fc.constant(''), digits(40)),
        fc.integer({ min: -17_000, max: 500 }),
      )
      .map(([sign, whole, fraction, exponent]) => `${sign}${whole}${fraction && `.${fraction}`}e${exponent}`);
    await fc.assert(
      fc.asyncProperty(spelling, async (number) => {
        const { metadata, errors } = readRow(
          Buffer.from(`{"user_id":"u","metadata":{"a":${number}}}`),
          'user',
        );
        if (errors.length > 0) expect(errors[0]?.code).toBe('number_out_of_range');
        else await client.query('SELECT $1::jsonb', [metadata]);
      }),
      { numRuns: 500 },
    );
  });
});

describe('the whole row that is handed on', () => {
  // JSON that PostgreSQL does not read, or not as numbers that it can hold.
  const unreadable = [
    '"\\u0000"',
    '"\\ud800"',
    '1e400000',
    '1e-2147483648',
    `${'['.repeat(50_000)}${']'.repeat(50_000)}`,
  ];
  const unread = fc.oneof(
    fc.constantFrom(...unreadable, ...unreadable.map((value) => `{"a":${value}}`)),
    valueText,
    metadataText,
  );
  const shadowed = fc
    .tuple(
      fc.constantFrom('"user_id"', '"metadata"', '"met\\u0061data"', '"company_id"', '"x"', '"metadata" \n'),
      unread,
    )
    .map(([key, value]): [string, string] => [key, value]);
  const members = fc
    .tuple(fc.array(shadowed, { maxLength: 1 }), fc.option(shadowed, { freq: 1 }), metadataText)
    .map(([ahead, within, metadata]): [string, string][] => [
      ...ahead,
      ['"user_id"', '"u"'],
      ['"company_id"', 'null'],
      ['"metadata"', within === null ? metadata : `{"a":${within[1]},"a":1.0,"c:\\":":2}`],
    ]);

  it('is readable by PostgreSQL, which takes the same metadata out of it, whatever stands where nothing counts', async () => {
    let whole = 0;
    await fc.assert(
      fc.asyncProperty(object(members), async (raw) => {
        const { json, metadata, errors } = readRow(Buffer.from(raw), 'user');
        if (json === undefined || errors.length > 0) return;
        whole++;
        const { written, handedOn } = await bothWays(json, metadata);
        expect(written).toBe(handedOn);
      }),
      { numRuns: 1_000 },
    );
    expect(whole).toBeGreaterThan(50);
  });

  it('is there for a row of plain members, or the import of it is slow', () => {
    const row =
      '{"user_id":"u","company_id":"c","metadata":{"a":"x","b":1,"c":true,"d":null,"e":"2024-05-28T02:01:52Z"}}';
    expect(readRow(Buffer.from(row), 'user').json).toBe(row);
  });
});
