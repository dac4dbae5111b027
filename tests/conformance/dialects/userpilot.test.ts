/**
 * Userpilot's wire passes the conformance suite. Its examples are those of its guide "Bulk Identify/Update Users", of its
 * OpenAPI document, and of its identify API.
 */
import { STATUS_CODES } from 'node:http';
import { expect } from '@jest/globals';
import type { WireJob } from '../../support/muster';
import {
  CANARY,
  type DialectCall,
  type DialectDescription,
  type Expected,
  SMALL_LIMITS,
} from './dialect-calls';
import { exercise } from './exercise';

const text = expect.stringMatching(/\S/);

/** The error body of Userpilot with the members of RFC 9457. */
function refusal(status: number, ...codes: string[]): Expected {
  const [code] = codes;
  const isOfRow = codes.length === 2;
  return {
    status,
    body: {
      type: `/docs/errors#${code}`,
      title: text,
      status,
      detail: text,
      request_id: text,
      errors: [
        {
          error_code: isOfRow ? codes[1] : code,
          error: STATUS_CODES[status],
          message: text,
          details: expect.any(String),
        },
      ],
    },
  };
}

/** A fault of a row in a call that stores one. */
const rowRefused = (code: string) => refusal(400, 'row_refused', code);

const outcome: Expected = {
  status: 202,
  body: { outcome: expect.stringMatching(/^(created|updated|unchanged)$/), warnings: [] },
};

const GUIDE_EXAMPLE = `{
  "users": [
    {
      "user_id": "user_001",
      "company_id": "comp001",
      "metadata": {
        "last_ticket_created": "2025-02-01T10:20:30Z",
        "tickets_created": "15",
        "tickets_resolved": "14",
        "tickets_pending": "1",
        "avg_resolution_time": "2h",
        "customer_satisfaction": "4.8",
        "escalation_count": "1"
      }
    },
    {
      "user_id": "user_002",
      "company_id": "comp002",
      "metadata": {
        "last_ticket_created": "2025-01-31T09:15:00Z",
        "tickets_created": "8",
        "tickets_resolved": "7",
        "tickets_pending": "1",
        "avg_resolution_time": "3h",
        "customer_satisfaction": "4.5",
        "escalation_count": "0"
      }
    }
  ]
}`;

const DOCUMENT_EXAMPLE = JSON.stringify({
  users: [
    {
      user_id: 'user_123',
      company_id: 'comp_techstartup_2024',
      metadata: {
        name: 'John Smith',
        email: 'john.smith@techstartup.com',
        job_title: 'Support Manager',
        tickets_created: '2024-01-15T08:00:00Z',
        tickets_resolved: '2024-01-15T16:30:00Z',
        tickets_pending: 3,
        avg_resolution_time: 3.25,
        customer_satisfaction: '95%',
        escalation_count: 10,
      },
    },
    {
      user_id: 'user_456',
      company_id: 'comp_techstartup_2024',
      metadata: {
        name: 'Emma Davis',
        email: 'emma.davis@techstartup.com',
        job_title: 'Support Specialist',
        tickets_created: '2024-01-15T09:15:00Z',
        tickets_resolved: '2024-01-15T17:45:00Z',
        tickets_pending: 5,
        avg_resolution_time: 4.5,
        customer_satisfaction: '92%',
        escalation_count: 8,
      },
    },
  ],
});

/** A job just accepted, with the members of the guide and of the document. */
function accepted(rows: unknown): Expected {
  return {
    status: 202,
    body: expect.objectContaining({
      job_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      status: 'queued',
      submitted_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      start_time: expect.any(String),
      end_time: null,
      file_size: expect.any(Number),
      filename: '',
      links: expect.stringMatching(/^http:.*\/v1\/background_jobs\//),
      total_rows: rows,
    }),
  };
}

const bulk = (entity: 'user' | 'company'): DialectCall => {
  const [collection, idKey] = entity === 'user' ? ['users', 'user_id'] : ['companies', 'company_id'];
  return {
    name: `POST /v1/${collection}/bulk_identify`,
    path: () => `/v1/${collection}/bulk_identify`,
    entity,
    headers: { Accept: 'application/json, text/plain, */*' },
    write: (id, value) => JSON.stringify({ [collection]: [{ [idKey]: id, metadata: { value } }] }),
    accepted: accepted(1),
    finish: (muster, body, key) => muster.finished((body as WireJob).job_id, key),
    examples:
      entity === 'company'
        ? []
        : [
            {
              name: 'of the guide',
              body: GUIDE_EXAMPLE,
              expected: accepted(2),
              stored: {
                user_001: ['"company_id":"comp001"', '"avg_resolution_time":"2h"', '"escalation_count":"1"'],
                user_002: ['"company_id":"comp002"', '"last_ticket_created":"2025-01-31T09:15:00Z"'],
              },
            },
            {
              name: 'of the OpenAPI document',
              body: DOCUMENT_EXAMPLE,
              expected: accepted(2),
              stored: {
                user_123: ['"company_id":"comp_techstartup_2024"', '"avg_resolution_time":3.25'],
                user_456: ['"customer_satisfaction":"92%"', '"escalation_count":8'],
              },
            },
          ],
    bad: [
      { name: 'no list of rows', body: '{}', expected: refusal(400, `missing_${collection}`) },
      { name: 'an empty list', body: '[]', expected: refusal(400, 'empty_import') },
      {
        name: 'a list in another place',
        body: `{"data":{"${collection}":[{"${idKey}":"${CANARY}"}]}}`,
        expected: refusal(400, `missing_${collection}`),
      },
    ],
    partial: [
      {
        name: 'a row without an id, one with an object as value, one good one',
        body: JSON.stringify({
          [collection]: [
            { metadata: {} },
            { [idKey]: 'refused', metadata: { address: { city: CANARY } } },
            { [idKey]: 'good', metadata: { a: 1 } },
          ],
        }),
        expected: accepted(3),
        stored: ['good'],
        refused: ['refused'],
      },
    ],
    oversized: [
      {
        name: 'a body of too many bytes',
        body: JSON.stringify([{ [idKey]: 'large', metadata: { pad: 'x'.repeat(SMALL_LIMITS.maxBytes) } }]),
        expected: refusal(413, 'payload_too_large'),
      },
      {
        name: 'too many rows',
        body: JSON.stringify(
          Array.from({ length: SMALL_LIMITS.maxRows + 1 }, (_, n) => ({ [idKey]: `m${n}` })),
        ),
        expected: refusal(413, 'too_many_rows'),
      },
    ],
    // One job at a time is the vendor's throttle of this call.
    throttled: { options: { workers: 0 }, expected: () => refusal(409, 'job_in_progress') },
  };
};

const single = (entity: 'user' | 'company'): DialectCall => {
  const [path, idKey] =
    entity === 'user' ? ['/v1/identify', 'user_id'] : ['/v1/companies/identify', 'company_id'];
  return {
    name: `POST ${path}`,
    path: () => path,
    entity,
    headers: { 'X-API-Version': '2020-09-22' },
    write: (id, value) => JSON.stringify({ [idKey]: id, metadata: { value } }),
    accepted: outcome,
    examples:
      entity === 'user'
        ? [
            {
              name: 'a user with a company',
              body: '{"user_id":"123","metadata":{"name":"John Doe","email":"john@example.com","created_at":"2019-10-17"},"company":{"id":"1","name":"Acme Labs","created_at":"2019-10-17"}}',
              expected: outcome,
              stored: { 123: ['"company_id":"1"', '"email":"john@example.com"'] },
            },
          ]
        : [
            {
              name: 'a company',
              body: '{"company_id":"1","metadata":{"name":"Acme Labs","plan":"free"}}',
              expected: outcome,
              stored: { 1: ['"name":"Acme Labs"', '"plan":"free"'] },
            },
          ],
    bad: [
      { name: 'no id', body: `{"metadata":{"a":"${CANARY}"}}`, expected: rowRefused('id_missing') },
      { name: 'a number as id', body: `{"${idKey}":7}`, expected: rowRefused('id_invalid') },
      { name: 'no object', body: `["${CANARY}"]`, expected: rowRefused('not_an_object') },
      {
        name: 'metadata that is no object',
        body: `{"${idKey}":"bad","metadata":"${CANARY}"}`,
        expected: rowRefused('metadata_invalid'),
      },
      {
        name: 'U+0000 in a value',
        body: `{"${idKey}":"bad","metadata":{"a":"${CANARY}\\u0000"}}`,
        expected: rowRefused('invalid_character'),
      },
      {
        name: 'bytes that are no UTF-8',
        body: Buffer.concat([
          Buffer.from(`{"${idKey}":"bad","metadata":{"a":"`),
          Buffer.from([0xff]),
          Buffer.from('"}}'),
        ]),
        expected: refusal(400, 'invalid_json'),
      },
    ],
    partial: [],
    oversized: [
      {
        name: 'a body of more than 1 MiB',
        body: JSON.stringify({ [idKey]: 'large', metadata: { pad: 'x'.repeat(1024 * 1024) } }),
        expected: refusal(413, 'payload_too_large'),
      },
    ],
    throttled: {
      options: { workers: 0, identifyPerMinute: 2 },
      expected: () => refusal(429, 'rate_limited'),
    },
  };
};

const userpilot: DialectDescription = {
  name: 'Userpilot',
  authenticate: (key) => ({ Authorization: `Token ${key}` }),
  refusals: {
    unauthorized: refusal(401, 'unauthorized'),
    forbidden: refusal(403, 'forbidden'),
    invalidJson: refusal(400, 'invalid_json'),
    unsupportedMediaType: refusal(415, 'unsupported_media_type'),
    methodNotAllowed: refusal(405, 'method_not_allowed'),
    unavailable: refusal(503, 'unavailable'),
  },
  calls: [bulk('user'), bulk('company'), single('user'), single('company')],
};

exercise(userpilot);
