/** Gurubase's wire passes the conformance suite. Its examples are those of its page "Upsert User Profiles". */
import { expect } from '@jest/globals';
import {
  CANARY,
  type DialectCall,
  type DialectDescription,
  type Expected,
  SMALL_LIMITS,
} from './dialect-calls';
import { exercise } from './exercise';

const sentence = expect.stringMatching(/^[A-Z].*\.$/s);
const whole = { error: sentence, details: [], users_results: [] };
const result = (index: number, id: unknown, ...errors: unknown[]) => ({
  user_index: index,
  external_user_id: id,
  success: errors.length === 0,
  errors,
});
const some = (...results: object[]): Expected => ({
  status: 400,
  body: { error: 'Failed to process some users', details: [], users_results: results },
});
const all = (...results: object[]): Expected => ({
  status: 200,
  body: {
    status: 'success',
    total_users: results.length,
    processed_users: results.length,
    users_results: results,
  },
});

const EXAMPLE = `{
    "users": [
        {
            "external_user_id": "user1-id",
            "memory": {
                "name": "John Doe",
                "email": "john.doe@example.com"
            }
        },
        {
            "external_user_id": "user2-id", 
            "memory": {
                "name": "Jane Doe",
                "plan": "premium"
            }
        }
    ]
}`;

const gurubase: DialectDescription = {
  name: 'Gurubase',
  authenticate: (key) => ({ 'x-api-key': key }),
  refusals: {
    unauthorized: { status: 401, body: { msg: 'Invalid API key' } },
    forbidden: { status: 403, body: { msg: 'Forbidden' } },
    otherEnvironment: { status: 403, body: { msg: 'Forbidden' } },
    unknownEnvironment: (slug) => ({ status: 404, body: { msg: `Guru type ${slug} not found` } }),
    invalidJson: { status: 400, body: whole },
    unsupportedMediaType: { status: 415, body: { msg: sentence } },
    methodNotAllowed: { status: 405, body: { msg: sentence } },
    unavailable: { status: 503, body: { error: 'Internal server error while saving profiles' } },
  },
  calls: ['/', ''].map(
    (end): DialectCall => ({
      name: `POST /api/v1/{guru_slug}/profiles${end}`,
      path: (slug) => `/api/v1/${slug}/profiles${end}`,
      entity: 'user',
      write: (id, value) =>
        JSON.stringify({ users: [{ external_user_id: id, memory: { nested: [{ value }] } }] }),
      accepted: all(result(0, expect.any(String))),
      examples: [
        {
          name: 'two users',
          body: EXAMPLE,
          expected: all(result(0, 'user1-id'), result(1, 'user2-id')),
          stored: {
            'user1-id': ['"memory":{"name":"John Doe","email":"john.doe@example.com"}'],
            'user2-id': ['"memory":{"name":"Jane Doe","plan":"premium"}'],
          },
        },
        {
          name: 'one user without a memory',
          body: '{"users":[{"external_user_id":"user1-id"},{"external_user_id":"user2-id","memory":{}}]}',
          expected: some(result(0, 'user1-id', 'Missing memory data'), result(1, 'user2-id')),
          stored: { 'user2-id': ['"memory":{}'] },
        },
      ],
      bad: [
        { name: 'no users', body: '{}', expected: { status: 400, body: whole } },
        { name: 'users that are no list', body: '{"users":{}}', expected: { status: 400, body: whole } },
        {
          name: 'no user without a fault',
          body: `{"users":[{"external_user_id":"bad","memory":["${CANARY}"]}]}`,
          expected: some(result(0, 'bad', 'The memory is not an object')),
        },
        {
          name: 'an id that is a number',
          body: '{"users":[{"external_user_id":7,"memory":{}}]}',
          expected: some(result(0, null, expect.stringMatching(/^external_user_id must/))),
        },
      ],
      partial: [
        {
          name: 'a number as user, one without id, one good one',
          body: '{"users":[7,{"memory":{}},{"external_user_id":"good","memory":{}},{"external_user_id":"refused"}]}',
          expected: some(
            result(0, null, 'The user is not an object'),
            result(1, null, 'Missing external_user_id'),
            result(2, 'good'),
            result(3, 'refused', 'Missing memory data'),
          ),
          stored: ['good'],
          refused: ['refused'],
        },
      ],
      oversized: [
        {
          name: 'a body of too many bytes',
          body: JSON.stringify({
            users: [
              { external_user_id: 'large', memory: { pad: CANARY.repeat(SMALL_LIMITS.maxBytes / 10) } },
            ],
          }),
          expected: { status: 413, body: { msg: sentence } },
        },
        {
          name: 'too many users',
          body: JSON.stringify({
            users: Array.from({ length: SMALL_LIMITS.maxRows + 1 }, (_, n) => ({
              external_user_id: `many-${n}`,
              memory: { CANARY },
            })),
          }),
          expected: { status: 413, body: { msg: sentence } },
        },
      ],
      throttled: {
        options: { workers: 0, identifyPerMinute: 2 },
        expected: (seconds) => ({
          status: 429,
          body: { msg: `Request was throttled. Expected available in ${seconds} seconds.` },
        }),
      },
    }),
  ),
};

exercise(gurubase);
