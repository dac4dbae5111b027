/** A definition as matchers, made once for each version of a schema. */
import { tokenize } from '../language/tokens';
import type { Definition, FieldDefinition, RuleDefinition } from '../schema/definition';
import { type Element, readPhrase, type Sequence } from '../schema/phrase';

/** What a match of a sequence means for a field. */
export interface Matcher {
  sequence: Sequence;
  /** Index in `extract`, or that of `values` behind all of them: lower ones win. */
  rank: number;
  /** Where it stands in the definition, below the field: `extract.0` or `values.serious`. */
  rule: string;
  value: string | number | boolean | undefined;
  takesMatch: boolean;
  unless: readonly Sequence[];
  negated: 'skip' | 'flip' | 'ignore';
  scale: number;
  plusScale: number;
}

export interface CompiledField {
  name: string;
  definition: FieldDefinition;
  /** By the first word or base form of the sequence. */
  byWord: ReadonlyMap<string, readonly Matcher[]>;
  /** Those that begin at the start of a sentence. */
  atStart: readonly Matcher[];
  /** Those that begin with the value. */
  atValue: readonly Matcher[];
  /** Known values by their names and synonyms in lower case. */
  synonyms: ReadonlyMap<string, string>;
  regions: ReadonlySet<string>;
  /** Known places, as sequences, for the slot of a location. */
  places: ReadonlyMap<string, readonly Matcher[]>;
}

export interface CompiledSchema {
  definition: Definition;
  fields: readonly CompiledField[];
  /** Fields of which something may begin with this word or base form. */
  byWord: ReadonlyMap<string, readonly CompiledField[]>;
  /** Fields of which something may begin at the start of a sentence, with a number, or with any word. */
  atStart: readonly CompiledField[];
  atNumber: readonly CompiledField[];
  anywhere: readonly CompiledField[];
}

export function compile(definition: Definition): CompiledSchema {
  const fields = Object.entries(definition.fields).map(([name, field]) => compileField(name, field));
  const byWord = new Map<string, CompiledField[]>();
  for (const field of fields) {
    for (const word of field.byWord.keys()) byWord.set(word, [...(byWord.get(word) ?? []), field]);
  }
  const withValue = fields.filter(({ atValue }) => atValue.length > 0);
  const isNumeric = ({ definition: { type } }: CompiledField) => type === 'integer' || type === 'number';
  return {
    definition,
    fields,
    byWord,
    atStart: fields.filter(({ atStart }) => atStart.length > 0),
    atNumber: withValue.filter(isNumeric),
    anywhere: withValue.filter((field) => !isNumeric(field)),
  };
}

function compileField(name: string, field: FieldDefinition): CompiledField {
  const values = 'values' in field && field.values !== undefined ? Object.entries(field.values) : [];
  const mentions = values.flatMap(([value, synonyms]) =>
    [value, ...synonyms].flatMap((phrase) =>
      toSequences(phrase).map((sequence) => valueMatcher(field, value, sequence)),
    ),
  );
  const rules = field.extract.flatMap((rule, index) => ruleMatchers(field, rule, index));
  const isMentioned = !('mentions' in field) || field.mentions;
  const matchers = [...rules, ...(isMentioned ? mentions : [])];
  return {
    name,
    definition: field,
    byWord: groupByWord(matchers),
    atStart: matchers.filter(({ sequence }) => sequence[0]?.kind === 'start'),
    atValue: matchers.filter(({ sequence }) => sequence[0]?.kind === 'value'),
    synonyms: new Map(
      values.flatMap(([value, synonyms]) =>
        [...synonyms, value].map((text): [string, string] => [text.toLowerCase(), value]),
      ),
    ),
    regions: new Set('regions' in field ? field.regions.map((region) => region.toLowerCase()) : []),
    places: groupByWord(mentions),
  };
}

function groupByWord(matchers: readonly Matcher[]): Map<string, Matcher[]> {
  const byWord = new Map<string, Matcher[]>();
  for (const matcher of matchers) {
    const [first] = matcher.sequence;
    if (first?.kind !== 'words') continue;
    for (const text of first.texts) {
      const list = byWord.get(text);
      if (list === undefined) byWord.set(text, [matcher]);
      else if (!list.includes(matcher)) list.push(matcher);
    }
  }
  return byWord;
}

function valueMatcher(field: FieldDefinition, value: string, sequence: Sequence): Matcher {
  const unless = 'unless' in field ? field.unless.flatMap(toSequences) : [];
  return {
    sequence,
    rank: field.extract.length,
    rule: `values.${value}`,
    value,
    takesMatch: false,
    unless,
    negated: 'skip',
    scale: 1,
    plusScale: 1,
  };
}

function ruleMatchers(field: FieldDefinition, rule: RuleDefinition, index: number): Matcher[] {
  const unless = rule.unless.flatMap(toSequences);
  return rule.phrase.flatMap(toSequences).map((sequence) => ({
    sequence,
    rank: index,
    rule: `extract.${index}`,
    value: rule.value,
    takesMatch: rule.take === 'match',
    unless,
    negated: rule.negated ?? (field.type === 'boolean' ? 'flip' : 'skip'),
    scale: rule.scale ?? 1,
    plusScale: rule.plus_scale ?? 1,
  }));
}

/** The sequences of a phrase, its words cut as the words of a text are. */
function toSequences(phrase: string): Sequence[] {
  const read = readPhrase(phrase);
  if (typeof read === 'string') throw new Error('a phrase was not checked');
  return read.flatMap((sequence) => {
    let cut: Element[][] = [[]];
    for (const element of sequence) {
      const choices = element.kind === 'words' ? cutWords(element.texts, element.anyForm) : [[element]];
      cut = cut.flatMap((one) => choices.map((choice) => [...one, ...choice]));
    }
    return cut;
  });
}

function cutWords(texts: readonly string[], anyForm: boolean): Element[][] {
  const singles: string[] = [];
  const several: Element[][] = [];
  for (const text of texts) {
    const tokens = tokenize(text);
    // The base form without a context may differ from that of the word itself: "reading" is one.
    const forms = tokens.map(({ norm, lemma }) => (anyForm ? [...new Set([norm, lemma])] : [norm]));
    if (tokens.length === 1) singles.push(...(forms[0] ?? []));
    else several.push(forms.map((form) => ({ kind: 'words', texts: form, anyForm })));
  }
  return [...(singles.length > 0 ? [[{ kind: 'words' as const, texts: singles, anyForm }]] : []), ...several];
}
