/** Jean Technologies' wire passes the conformance suite. Its example is that of its page "Upsert user". */
import { expect } from '@jest/globals';
import { putExamples } from '../../api/jean/jean';
import { CANARY, type DialectCall, type DialectDescription, type Expected } from './dialect-calls';
import { exercise } from './exercise';

const sentence = expect.stringMatching(/^[A-Z].*\.$/s);
const refused = (
  status: number,
  code: string,
  details: object = {},
  message: unknown = sentence,
): Expected => ({
  status,
  body: { error: { code, message, details } },
});
const head = { dim: 1024, version: 'dating-feature-hash-1', model: 'feature-hash-1' };
const user = (id: unknown, more: object = {}): Expected => ({
  status: 200,
  body: {
    user_id: id,
    domain: 'dating',
    schema_version: 'dating.v1',
    fields: expect.any(Object),
    extras: expect.any(Object),
    derived: expect.any(Object),
    embeddings: { dating: head },
    last_enriched_at: expect.any(String),
    ...more,
  },
});

const EXAMPLE = `{
      "user_id": "u_alice",
      "domain": "dating",
      "context": "32, NYC, looking for someone serious. Reads a lot, runs in the park, vegetarian.",
      "fields": { "location": "New York, NY" }
    }`;

const common = {
  entity: 'user',
  readBack: (id) => `/v1/users/${encodeURIComponent(id)}?domain=dating&explain=true`,
  accepted: user(expect.any(String)),
  partial: [],
  throttled: {
    options: { workers: 0, identifyPerMinute: 2 },
    expected: () => refused(429, 'rate_limited'),
  },
} satisfies Partial<DialectCall>;

const oversized = (field: string) => [
  {
    name: 'a body of more than 1 MiB',
    body: JSON.stringify({ user_id: 'large', domain: 'dating', [field]: CANARY.repeat(100_000) }),
    expected: refused(413, 'payload_too_large'),
  },
  {
    name: 'a text of more than 100,000 characters',
    body: JSON.stringify({ user_id: 'large', domain: 'dating', context: CANARY.repeat(10_000) }),
    expected: refused(400, 'invalid_request', { path: 'context' }),
  },
];

const bad = [
  {
    name: 'no user_id',
    body: `{"domain":"dating","context":"${CANARY}"}`,
    expected: refused(400, 'invalid_request', { path: 'user_id' }, "Field 'user_id' is required."),
  },
  {
    name: 'no domain',
    body: `{"user_id":"bad","context":"${CANARY}"}`,
    expected: refused(400, 'invalid_request', { path: 'domain' }, "Field 'domain' is required."),
  },
  {
    name: 'a domain that does not exist',
    body: `{"user_id":"bad","domain":"${CANARY}","context":"${CANARY}"}`,
    expected: refused(404, 'domain_not_found', { domains: ['dating', 'hiring'] }),
  },
  { name: 'an array', body: `["${CANARY}"]`, expected: refused(400, 'invalid_request') },
];

const jean: DialectDescription = {
  name: 'Jean Technologies',
  authenticate: (key) => ({ Authorization: `Bearer ${key}` }),
  prepare: (muster, key) => putExamples(muster, { key }),
  refusals: {
    unauthorized: refused(401, 'unauthorized'),
    forbidden: refused(403, 'forbidden'),
    invalidJson: refused(400, 'invalid_request', { reason: 'invalid_json' }),
    unsupportedMediaType: refused(415, 'unsupported_media_type'),
    // The address of one call has methods of other dialects, too, in whose words this is.
    methodNotAllowed: { status: 405, body: expect.any(Object) },
    unavailable: refused(503, 'unavailable'),
  },
  calls: [
    {
      ...common,
      name: 'POST /v1/users',
      path: () => '/v1/users',
      write: (id, value) => JSON.stringify({ user_id: id, domain: 'dating', fields: { note: value } }),
      examples: [
        {
          name: 'Alice',
          body: EXAMPLE,
          expected: user('u_alice', {
            fields: expect.objectContaining({
              age: 32,
              location: 'New York, NY',
              relationship_goal: 'serious',
            }),
            extras: {},
            derived: expect.objectContaining({ attachment_style: 'secure' }),
          }),
          stored: { u_alice: ['"age":32', '"attachment_style":"secure"'] },
        },
      ],
      bad: [
        ...bad,
        {
          name: 'a field of another type',
          body: `{"user_id":"bad","domain":"dating","fields":{"age":"${CANARY}"}}`,
          expected: refused(400, 'invalid_request', { path: 'fields.age' }),
        },
      ],
      oversized: oversized('memory_ref'),
    },
    {
      ...common,
      name: 'POST /v1/context',
      path: () => '/v1/context',
      write: (id, value) => JSON.stringify({ user_id: id, domain: 'dating', context: value }),
      examples: [],
      bad: [
        ...bad,
        {
          name: 'no context',
          body: `{"user_id":"bad","domain":"dating","note":"${CANARY}"}`,
          expected: refused(400, 'invalid_request', { path: 'context' }, "Field 'context' is required."),
        },
      ],
      oversized: oversized('context'),
    },
  ],
};

exercise(jean);
