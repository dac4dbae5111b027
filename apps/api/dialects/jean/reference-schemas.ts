/** Bodies and answers of Jean Technologies' calls, as zod schemas with descriptions and examples. */
import { z } from 'zod';
import { MAX_CONTEXT_CHARACTERS } from '#dialect/jean/wire/read-body';

const time = z.iso.datetime();
const id = z.string().min(1).max(256);
const anything = z.record(z.string(), z.unknown());
const context = z.string().meta({
  description: `Free text, at most ${MAX_CONTEXT_CHARACTERS} characters. Fields are extracted from it by the rules of the domain’s schema.`,
});
const domain = z.string().meta({ description: 'Name of the domain, such as `dating`.' });

export const JeanUserBody = z
  .looseObject({
    user_id: id,
    domain,
    context: context.optional(),
    fields: anything.optional().meta({
      description:
        'Typed values. They win over what the text says, now and later; null takes one back. Keys that the schema does not know become extras.',
    }),
    memory_ref: z.string().optional().meta({ description: 'URI of a memory store of yours. Never fetched.' }),
  })
  .meta({
    id: 'JeanUserBody',
    description: 'What is said about a user.',
    examples: [
      {
        user_id: 'u_alice',
        domain: 'dating',
        context: '32, NYC, looking for someone serious. Reads a lot, runs in the park, vegetarian.',
        fields: { location: 'New York, NY' },
      },
    ],
  });

export const JeanContextBody = z.looseObject({ user_id: id, domain, context }).meta({
  id: 'JeanContextBody',
  description: 'One more text about a user.',
  examples: [{ user_id: 'u_alice', domain: 'dating', context: 'Just moved to Boston. I do not smoke.' }],
});

const head = z.object({
  dim: z.int().min(1),
  version: z.string().meta({ description: 'Changes with whatever makes the vector.' }),
  model: z.string().meta({ description: 'What makes the vector: `feature-hash-1` or a provider’s model.' }),
});

export const JeanUser = z
  .object({
    user_id: z.string(),
    domain: z.string(),
    schema_version: z.string(),
    fields: anything,
    extras: anything.meta({ description: 'Keys that the schema does not know. Never used for matching.' }),
    derived: anything,
    embeddings: z.record(z.string(), head).meta({ description: 'The user’s vectors by domain.' }),
    last_enriched_at: time,
    memory_ref: z.string().optional(),
    extraction: z
      .object({ by: z.string(), fallback: z.string().optional() })
      .optional()
      .meta({ description: 'With a provider only: who has read the text, and why it was not the provider.' }),
    warnings: z
      .array(z.object({ code: z.enum(['unknown_key', 'embedding_failed']), path: z.string() }))
      .optional()
      .meta({ description: 'Keys of the body that were ignored; a vector that the provider did not make.' }),
    provenance: z
      .record(
        z.string(),
        z.looseObject({
          source: z.enum(['explicit', 'extracted', 'derived']),
          rule: z.string().optional(),
          spans: z.array(z.object({ start: z.int(), end: z.int(), text: z.string().nullable() })).optional(),
        }),
      )
      .optional()
      .meta({ description: 'With `explain=true`: where each value comes from.' }),
    contexts: z
      .array(z.object({ id: z.string(), text: z.string(), received_at: time }))
      .optional()
      .meta({ description: 'With `explain=true`: the texts that are still kept.' }),
  })
  .meta({
    id: 'JeanUser',
    description: 'A user in a domain.',
    examples: [
      {
        user_id: 'u_alice',
        domain: 'dating',
        schema_version: 'dating.v3',
        fields: { age: 32, location: 'New York, NY', relationship_goal: 'serious' },
        extras: {},
        derived: { attachment_style: 'secure' },
        embeddings: { dating: { dim: 1024, version: 'dating-feature-hash-1', model: 'feature-hash-1' } },
        last_enriched_at: '2026-05-17T22:01:09.000Z',
      },
    ],
  });

const SCHEMA_EXAMPLE = {
  description: 'People who look for a partner.',
  fields: {
    age: {
      type: 'integer',
      description: 'Age in years.',
      minimum: 18,
      extract: [{ phrase: '{value} years old', unless: ['my (sister|brother)'] }],
    },
    relationship_goal: {
      type: 'enum',
      description: 'What the person looks for.',
      values: { serious: ['something serious'], casual: [] },
    },
  },
  derived: {
    attachment_style: {
      description: 'A coarse label for ranking.',
      rules: [{ when: { relationship_goal: 'serious' }, value: 'secure' }],
    },
  },
};

const definition = {
  description: z.string(),
  fields: z.record(
    z.string(),
    z.looseObject({
      type: z.enum(['string', 'integer', 'number', 'boolean', 'enum', 'list', 'location', 'date']),
      description: z.string(),
    }),
  ),
  derived: z
    .record(z.string(), z.looseObject({ description: z.string(), rules: z.array(z.unknown()) }))
    .optional(),
};

export const JeanSchemaBody = z.object(definition).meta({
  id: 'JeanSchemaBody',
  description: 'What a domain knows about a user: fields, rules that find them in text, derived fields.',
  examples: [SCHEMA_EXAMPLE],
});

export const JeanSchema = z
  .object({ domain: z.string(), schema_version: z.string(), created_at: time, ...definition })
  .meta({
    id: 'JeanSchema',
    description: 'One version of a domain’s schema.',
    examples: [
      {
        domain: 'dating',
        schema_version: 'dating.v3',
        created_at: '2026-05-01T09:00:00.000Z',
        ...SCHEMA_EXAMPLE,
      },
    ],
  });

export const JeanSimilar = z
  .object({
    user_id: z.string(),
    domain: z.string(),
    embedding: head,
    similar: z.array(z.object({ user_id: z.string(), score: z.number().min(-1).max(1) })),
  })
  .meta({
    id: 'JeanSimilar',
    description: 'The nearest candidates of the domain, best first, by the cosine of the vectors.',
    examples: [
      {
        user_id: 'u_alice',
        domain: 'dating',
        embedding: { dim: 1024, version: 'dating-feature-hash-1', model: 'feature-hash-1' },
        similar: [{ user_id: 'u_bob', score: 0.8312 }],
      },
    ],
  });

export const JeanDomain = z
  .object({ domain: z.string(), schema_version: z.string(), last_enriched_at: time })
  .meta({
    id: 'JeanDomain',
    description: 'That a user is in a domain.',
    examples: [
      { domain: 'dating', schema_version: 'dating.v3', last_enriched_at: '2026-05-17T22:01:09.000Z' },
    ],
  });

export const JeanError = z
  .object({
    error: z.object({
      code: z.string(),
      message: z.string(),
      details: anything.meta({ description: 'For programs: `path`, `domains`, `reason`.' }),
    }),
  })
  .meta({
    id: 'JeanError',
    description: 'An error.',
    examples: [
      {
        error: {
          code: 'invalid_request',
          message: "Field 'domain' is required.",
          details: { path: 'domain' },
        },
      },
    ],
  });
