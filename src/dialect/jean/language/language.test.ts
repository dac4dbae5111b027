/** Sentences, tokens, numbers and dates, as people write them. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isDate, readDate } from './dates';
import { readNumber } from './numbers';
import { splitSentences } from './sentences';
import { tokenize } from './tokens';

describe('sentences', () => {
  it('are at most 400 characters long, cover the text in order, and leave out nothing but space', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', ' ', '.', '!', '\n', '🙂', 'Ph.', '5'), maxLength: 3_000 }),
        (text) => {
          let at = 0;
          for (const { text: sentence, offset } of splitSentences(text)) {
            expect(sentence.length).toBeLessThanOrEqual(400);
            expect(text.slice(at, offset).trim()).toBe('');
            expect(text.slice(offset, offset + sentence.length)).toBe(sentence);
            at = offset + sentence.length;
          }
          expect(text.slice(at).trim()).toBe('');
        },
      ),
    );
  });

  it('do not end within abbreviations and names', () => {
    const texts = [...splitSentences('I hold a Ph.D. in law. Node.js, too! Really?')].map(({ text }) =>
      text.trim(),
    );
    expect(texts).toEqual(['I hold a Ph.D. in law.', 'Node.js, too!', 'Really?']);
  });
});

describe('tokens', () => {
  it('say where they stand in the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.nat(50), (text, offset) => {
        for (const token of tokenize(text, offset)) {
          expect(text.slice(token.start - offset, token.end - offset)).toBe(token.text);
        }
      }),
    );
  });

  it('are negated behind a negation, within their clause', () => {
    const negated = (text: string) =>
      tokenize(text)
        .filter(({ isNegated }) => isNegated)
        .map(({ norm }) => norm);
    expect(negated('I am not vegetarian, but I love yoga')).toContain('vegetarian');
    expect(negated('I am not vegetarian, but I love yoga')).not.toContain('yoga');
    expect(negated('I don’t smoke')).toContain('smoke');
  });

  it('are the same with a hyphen as with a space', () => {
    const norms = (text: string) => tokenize(text).map(({ norm }) => norm);
    expect(norms('long-term, non-smoker')).toEqual(norms('long term, non smoker'));
  });
});

describe('numbers', () => {
  it.each([
    ['32', 32],
    ['95,000 EUR', 95_000],
    ['130 000 EUR', 130_000],
    ['1.78 m', 1.78],
    ['120k', 120_000],
    ['80-90k', 80_000],
    ['thirty-two', 32],
    ['twelve', 12],
    ['four and a half years', 4.5],
    ['two hundred', 200],
    ['34F', 34],
    ['29yo', 29],
  ])('%s', (text, value) => {
    expect(readNumber(tokenize(text), 0)?.value).toBe(value);
  });

  it('are not read out of other words', () => {
    for (const text of ['often', 'someone', '2027-01-15', '1.2.3'])
      expect(readNumber(tokenize(text), 0)).toBeUndefined();
  });
});

describe('dates', () => {
  it.each([
    ['2027-03-01', '2027-03-01'],
    ['1 March 2027', '2027-03-01'],
    ['1st of March, 2027', '2027-03-01'],
    ['March 15th, 2027', '2027-03-15'],
    ['Feb 29 2028', '2028-02-29'],
  ])('%s', (text, value) => {
    expect(readDate(tokenize(text), 0)?.value).toBe(value);
  });

  it('that do not exist, or leave something open, are none', () => {
    for (const text of ['2027-02-30', '31 June 2027', 'March 2027', '1 March', '29 Feb 2027'])
      expect(readDate(tokenize(text), 0)).toBeUndefined();
    expect(isDate('2027-02-29')).toBe(false);
  });
});
