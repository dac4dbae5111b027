/**
 * What a domain knows about a user, as data: typed fields, rules that find them in free text, and derived fields. A
 * definition is checked as a whole when it is installed; from then on the code may rely on it.
 */
import { z } from 'zod';
import { readPhrase } from './phrase';

/** Bounds that keep extraction proportional to the length of the text, whatever a definition says. */
export const DEFINITION_LIMITS = {
  fields: 100,
  rulesPerField: 100,
  valuesPerField: 2_000,
  synonyms: 100,
} as const;

const NAME = /^[a-z][a-z0-9_]{0,63}$/;
const DOMAIN = /^[a-z][a-z0-9_-]{0,63}$/;

/** Whether a text can be the name of a domain. */
export function isDomainName(text: string): boolean {
  return DOMAIN.test(text);
}

const sentence = z.string().trim().min(1).max(1_000);
const scalar = z.union([z.string().max(1_000), z.number(), z.boolean()]);

const phrase = z
  .string()
  .min(1)
  .max(2_000)
  .superRefine((text, context) => {
    const read = readPhrase(text);
    if (typeof read === 'string') context.addIssue({ code: 'custom', message: read });
  });
const phrases = z.union([phrase.transform((text) => [text]), z.array(phrase).min(1).max(50)]);

const rule = z
  .strictObject({
    phrase: phrases,
    value: scalar.optional(),
    take: z.literal('match').optional(),
    unless: z.array(phrase).max(50).default([]),
    negated: z.enum(['skip', 'flip', 'ignore']).optional(),
    scale: z.number().positive().optional(),
    plus_scale: z.number().positive().optional(),
  })
  .superRefine((one, context) => {
    const withSlot = one.phrase.every((text) => text.includes('{value}'));
    const withoutSlot = one.phrase.every((text) => !text.includes('{value}'));
    const isConstant = one.value !== undefined || one.take !== undefined;
    if (isConstant ? withoutSlot : withSlot) return;
    context.addIssue({
      code: 'custom',
      path: ['phrase'],
      message: 'must contain {value}, or the rule must have "value" or "take" instead',
    });
  });

const values = z
  .record(z.string().min(1).max(200), z.array(phrase).max(DEFINITION_LIMITS.synonyms))
  .refine((all) => Object.keys(all).length <= DEFINITION_LIMITS.valuesPerField, {
    message: `must have at most ${DEFINITION_LIMITS.valuesPerField} values`,
  });

const common = {
  description: sentence,
  extract: z.array(rule).max(DEFINITION_LIMITS.rulesPerField).default([]),
};
/** Values with their synonyms; a mention of one in the text counts unless `mentions` is false. */
const vocabulary = {
  values: values.optional(),
  mentions: z.boolean().default(true),
  unless: z.array(phrase).max(50).default([]),
};
const bounds = { minimum: z.number().optional(), maximum: z.number().optional() };

const field = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('string'), ...common, ...vocabulary }),
  z.strictObject({ type: z.literal('integer'), ...common, ...bounds }),
  z.strictObject({ type: z.literal('number'), ...common, ...bounds }),
  z.strictObject({ type: z.literal('boolean'), ...common }),
  z.strictObject({ type: z.literal('enum'), ...common, ...vocabulary, values }),
  z.strictObject({ type: z.literal('list'), ...common, ...vocabulary }),
  z.strictObject({
    type: z.literal('location'),
    ...common,
    ...vocabulary,
    /** Names that may follow a place after a comma, such as countries. */
    regions: z.array(z.string().min(1).max(100)).max(1_000).default([]),
  }),
  z.strictObject({ type: z.literal('date'), ...common }),
]);

const condition = z.union([
  scalar,
  z.strictObject({
    in: z.array(scalar).min(1).max(100).optional(),
    includes: scalar.optional(),
    at_least: z.number().optional(),
    at_most: z.number().optional(),
    exists: z.boolean().optional(),
  }),
]);

const derived = z.strictObject({
  description: sentence,
  rules: z
    .array(z.strictObject({ when: z.record(z.string(), condition), value: scalar }))
    .min(1)
    .max(100),
});

const names = (text: string) => NAME.test(text);
const NAME_RULE = 'must be a name of a-z, 0-9 and _ that begins with a letter, of at most 64 characters';

/** The body of PUT /v1/schema. */
export const DEFINITION = z
  .strictObject({
    description: sentence,
    fields: z
      .record(z.string().refine(names, NAME_RULE), field)
      .refine((all) => Object.keys(all).length <= DEFINITION_LIMITS.fields, {
        message: `must have at most ${DEFINITION_LIMITS.fields} fields`,
      }),
    derived: z.record(z.string().refine(names, NAME_RULE), derived).default({}),
  })
  .superRefine(({ fields, derived: all }, context) => {
    for (const [name, one] of Object.entries(fields)) {
      for (const [index, { value }] of one.extract.entries()) {
        const fault = value === undefined ? undefined : constantFault(one, value);
        if (fault === undefined) continue;
        context.addIssue({
          code: 'custom',
          path: ['fields', name, 'extract', index, 'value'],
          message: fault,
        });
      }
    }
    for (const [name, { rules }] of Object.entries(all)) {
      if (Object.hasOwn(fields, name)) {
        context.addIssue({
          code: 'custom',
          path: ['derived', name],
          message: 'is the name of a field already',
        });
      }
      for (const [index, { when }] of rules.entries()) {
        for (const key of Object.keys(when)) {
          if (Object.hasOwn(fields, key)) continue;
          const path = ['derived', name, 'rules', index, 'when', key];
          context.addIssue({ code: 'custom', path, message: 'is not a field of this schema' });
        }
      }
    }
  });

/** What a field holds. */
export type FieldValue = string | number | boolean | string[];

export type Definition = z.output<typeof DEFINITION>;
export type FieldDefinition = Definition['fields'][string];
export type RuleDefinition = FieldDefinition['extract'][number];
export type Condition = z.output<typeof condition>;

function constantFault(one: z.output<typeof field>, value: string | number | boolean): string | undefined {
  switch (one.type) {
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'must be true or false';
    case 'integer':
    case 'number':
      return typeof value === 'number' ? undefined : 'must be a number';
    case 'enum':
      return typeof value === 'string' && Object.hasOwn(one.values, value)
        ? undefined
        : 'must be one of the values of the field';
    default:
      return typeof value === 'string' ? undefined : 'must be a string';
  }
}

/** Where a definition is wrong, such as `fields.age.extract.0.phrase`, and how. */
export interface DefinitionFault {
  path: string;
  message: string;
}

/** At most so many faults are reported. */
const MAX_FAULTS = 20;

/** @returns the checked definition, or what is wrong with it */
export function readDefinition(value: unknown): { definition: Definition } | { faults: DefinitionFault[] } {
  const read = DEFINITION.safeParse(value);
  if (read.success) return { definition: read.data };
  const faults = read.error.issues.slice(0, MAX_FAULTS).map(({ path, message }) => ({
    path: path.map(String).join('.'),
    message,
  }));
  return { faults };
}
