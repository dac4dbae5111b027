/** Extraction with the example schemas: good enough on texts that no rule was tuned on, explained, and linear in the text. */
import { describe, expect, it } from '@jest/globals';
import { extractBySentence } from '#dialect/jean/extract/extract';
import {
  compileExample,
  DOMAINS,
  extract,
  measureQuality,
  precisionOf,
  readTexts,
  recallOf,
} from './quality';

describe.each(DOMAINS)('the example schema %s', (domain) => {
  it('has 80 labelled texts, half of them held out, and no text in both halves', () => {
    const [tuning, heldOut] = [readTexts(domain, 'tuning'), readTexts(domain, 'held-out')];
    expect([tuning.length, heldOut.length]).toEqual([40, 40]);
    expect(new Set([...tuning, ...heldOut].map(({ text }) => text)).size).toBe(80);
  });

  it('is right in 95 % of what it extracts from the held-out texts, and finds 75 % of what is there', () => {
    const { all, byField } = measureQuality(domain, 'held-out');
    expect(precisionOf(all)).toBeGreaterThanOrEqual(0.95);
    expect(recallOf(all)).toBeGreaterThanOrEqual(0.75);
    // Every field is labelled somewhere, or the figures would say nothing about it.
    for (const [name, { right, missed }] of byField)
      expect({ name, labels: right + missed }).not.toEqual({ name, labels: 0 });
  });

  it('names the rule and the place of every value', () => {
    const schema = compileExample(domain);
    for (const { text } of readTexts(domain, 'tuning')) {
      for (const [name, { rule, spans, value }] of extract(schema, text)) {
        expect(rule).toMatch(new RegExp(`^fields\\.${name}\\.(extract\\.\\d+|values\\..+)$`));
        expect(spans).toHaveLength(Array.isArray(value) ? value.length : 1);
        for (const { start, end } of spans) {
          expect(text.slice(start, end)).toMatch(/\S/);
          expect(end).toBeLessThanOrEqual(text.length);
        }
      }
    }
  });
});

/** What regular expressions and tokenizers take long over. */
const ADVERSARIES = [
  'a',
  'a-',
  "'",
  '"',
  '1',
  '1.',
  '1,',
  '1-',
  '.',
  '. ',
  '@',
  '#a',
  'http://',
  '(',
  '\u{1f642}',
  'a\u0301',
  '\t',
  '\n',
  'i am 32 ',
  'i am ',
  'not ',
  'New York, ',
  'no kids ',
  'thirty-',
  '5\'9" ',
  'looking for something ',
  'A',
  'a.b',
];

describe('a text of 100,000 characters', () => {
  const schema = compileExample('dating');

  it.each(ADVERSARIES)(
    'of %j alone takes no longer than prose, and no sentence of it holds the process',
    (unit) => {
      const text = unit.repeat(Math.floor(100_000 / unit.length));
      const sentences = extractBySentence(schema, text);
      let longestMs = 0;
      const startMs = performance.now();
      for (let done: boolean | undefined = false; !done; ) {
        const begun = process.cpuUsage();
        done = sentences.next().done;
        const { user, system } = process.cpuUsage(begun);
        longestMs = Math.max(longestMs, (user + system) / 1000);
      }
      expect(longestMs).toBeLessThan(100);
      expect(performance.now() - startMs).toBeLessThan(5_000);
    },
  );
});
