/**
 * The conformance suite of the dialects: what every vendor's client can rely on, whatever its wire looks like. A new
 * dialect describes its calls (dialect-calls) and runs this; guarantees of its own it tests elsewhere.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ENTITIES } from '#job/entity';
import { ensureKey, generateKey, revokeKey } from '#store/api-keys';
import { exchange, requestHead } from '../../api/support/raw-http';
import { traces } from '../../api/support/refusal';
import { onServer } from '../../support/database';
import { type Muster, startMuster, unique } from '../../support/muster';
import { findTraces } from '../../support/traces';
import { waitFor } from '../../support/wait';
import {
  CANARY,
  type DialectCall,
  type DialectDescription,
  type Expected,
  SMALL_LIMITS,
} from './dialect-calls';

/** Within this a service without its database says so. */
const UNAVAILABLE_WITHIN_MS = 5_000;
/** A throttle that lets so many calls pass is none. */
const MOST_CALLS = 20;
/** Characters that name a key. */
const SHOWN_OF_KEY = 12;
/** Has what JSON escapes, and characters outside the basic plane. */
const VALUE = 'Zoë "the 𝄞" \\ Ångström';

interface Request {
  method?: string;
  key?: string;
  slug?: string;
  body: string | Uint8Array;
  headers?: Readonly<Record<string, string>>;
}

interface Answer {
  status: number;
  headers: Headers;
  text: string;
  body: unknown;
}

/** Registers the tests of a dialect. */
export function exercise(dialect: DialectDescription): void {
  describe.each(dialect.calls.map((call) => [call.name, call] as const))(
    `${dialect.name}: %s`,
    (_name, call) => {
      let muster: Muster;
      let other: { environmentId: number; key: string };
      beforeAll(async () => {
        muster = await startMuster();
        other = await muster.addEnvironment('other');
        await dialect.prepare?.(muster, muster.key);
        await dialect.prepare?.(muster, other.key);
      });
      afterAll(() => muster.close());

      const client = () => createClient(dialect, call, muster);

      if (call.examples.length > 0) {
        it.each(call.examples.map((example) => [example.name, example] as const))(
          'answers the vendor’s example as its page does, each time it is sent: %s',
          async (_example, { body, expected, stored }) => {
            const { send, read } = client();
            for (let times = 0; times < 2; times++) {
              expectAnswer(await send({ body }), expected);
              for (const [id, texts] of Object.entries(stored)) {
                const shown = JSON.stringify(JSON.parse((await read(id)).text));
                for (const text of texts) expect(shown).toContain(text);
              }
            }
          },
        );
      }

      it('stores a value exactly and shows it, and sending it again changes nothing', async () => {
        const { send, read } = client();
        const body = call.write('exact', VALUE);
        expectAnswer(await send({ body }), call.accepted);
        const first = await read('exact');
        expect(JSON.stringify(JSON.parse(first.text))).toContain(JSON.stringify(VALUE));
        expect((await send({ body })).status).toBe(call.accepted.status);
        expect((await read('exact')).text).toBe(first.text);
      });

      it.each(call.bad.map((refused) => [refused.name, refused] as const))(
        'refuses a body with a fault and stores nothing of it: %s',
        async (_fault, { body, expected }) => {
          const { send } = client();
          const before = await traces(muster);
          expectRefusal(await send({ body }), expected);
          expect(await traces(muster)).toEqual(before);
        },
      );

      it.each([
        ['cut off', (good: string) => good.slice(0, -1)],
        ['with text after its end', (good: string) => `${good} x`],
        ['with a comma too many', (good: string) => `${good.slice(0, -1)},${good.slice(-1)}`],
        ['of nothing', () => ''],
      ])(
        'refuses a body that is not valid JSON as a whole and stores nothing of it: %s',
        async (_fault, spoil) => {
          const { send } = client();
          const before = await traces(muster);
          const body = spoil(call.write('spoiled', CANARY));
          expectRefusal(await send({ body }), dialect.refusals.invalidJson);
          expect(await traces(muster)).toEqual(before);
        },
      );

      if (call.partial.length > 0) {
        it.each(call.partial.map((partial) => [partial.name, partial] as const))(
          'stores the good ones beside those that it refuses: %s',
          async (_partial, { body, expected, stored, refused }) => {
            const { send, read } = client();
            expectAnswer(await send({ body }), expected);
            for (const id of stored) expect((await read(id)).status).toBe(200);
            for (const id of refused) expect((await read(id)).status).toBe(404);
          },
        );
      }

      it('refuses a body of another content type', async () => {
        const { send } = client();
        const body = call.write('typed', CANARY);
        const headers = { 'Content-Type': 'text/plain' };
        expectRefusal(await send({ body, headers }), dialect.refusals.unsupportedMediaType);
      });

      it('refuses another method and names the right one', async () => {
        const { send } = client();
        const answer = await send({ method: 'PATCH', body: '{}' });
        expectRefusal(answer, dialect.refusals.methodNotAllowed);
        expect(answer.headers.get('allow')).toContain('POST');
      });

      it('refuses a missing or unknown key before it reads the body', async () => {
        for (const key of [undefined, 'unknown']) {
          const head = requestHead('POST', call.path('default'), {
            ...(key !== undefined && dialect.authenticate(key)),
            'Content-Type': 'application/json',
            'Content-Length': 1_000,
          });
          const { status, headers, body } = await exchange(muster.url, head);
          expect({ status, body }).toEqual(dialect.refusals.unauthorized);
          expect(headers['www-authenticate']).toBe('Token realm="muster"');
        }
      });

      it('refuses a key that was revoked after its last call, and stores nothing', async () => {
        const { send, read } = client();
        const key = generateKey();
        await ensureKey(muster.store, muster.environmentId, key);
        expectAnswer(await send({ key, body: call.write('before', 'x') }), call.accepted);
        await revokeKey(muster.store, key.slice(0, SHOWN_OF_KEY));
        const answer = await send({ key, body: call.write('revoked', CANARY) });
        expectRefusal(answer, dialect.refusals.unauthorized);
        expect((await read('revoked')).status).toBe(404);
      });

      it('refuses a key that may only read, and stores nothing', async () => {
        const { send, read } = client();
        const key = generateKey();
        await ensureKey(muster.store, muster.environmentId, key, 'read');
        const answer = await send({ key, body: call.write('read-only', CANARY) });
        expectRefusal(answer, dialect.refusals.forbidden);
        expect((await read('read-only')).status).toBe(404);
      });

      it('stores nothing in an environment for the key of another', async () => {
        const { send, read } = client();
        const { otherEnvironment, unknownEnvironment } = dialect.refusals;
        const answer = await send({ key: other.key, body: call.write('of-another', CANARY) });
        if (otherEnvironment === undefined) expectAnswer(answer, call.accepted);
        else expectRefusal(answer, otherEnvironment);
        expect((await read('of-another')).status).toBe(404);
        if (unknownEnvironment !== undefined) {
          const unknown = await send({ slug: 'no-such', body: call.write('of-none', CANARY) });
          expectRefusal(unknown, unknownEnvironment('no-such'));
        }
      });

      it('forgets what it stored with the user or company', async () => {
        const { send, read } = client();
        const secret = `secret-${unique()}`;
        await send({ body: call.write('to-forget', secret) });
        expect((await read('to-forget')).text).toContain(secret);
        const { collection } = ENTITIES[call.entity];
        const erased = await fetch(`${muster.url}/v1/${collection}`, {
          method: 'DELETE',
          headers: { 'x-api-key': muster.key, 'Content-Type': 'application/json' },
          body: JSON.stringify({ [collection]: ['to-forget'] }),
        });
        expect(erased.status).toBe(202);
        expect((await read('to-forget')).status).toBe(404);
        await waitFor('the last trace to go', async () => {
          return (await findTraces(muster.store.pool, secret)).length === 0;
        });
      });

      describe('at its limits', () => {
        let small: Muster;
        beforeAll(async () => {
          small = await startMuster({ ...SMALL_LIMITS });
          await dialect.prepare?.(small, small.key);
        });
        afterAll(() => small.close());

        it.each(call.oversized.map((refused) => [refused.name, refused] as const))(
          'refuses what is too large, stores nothing of it and takes the next call: %s',
          async (_limit, { body, expected }) => {
            const { send } = createClient(dialect, call, small);
            const before = await traces(small);
            expectRefusal(await send({ body }), expected);
            expect(await traces(small)).toEqual(before);
            expectAnswer(await send({ body: call.write(unique(), 'x') }), call.accepted);
          },
        );
      });

      it('says in how many seconds a call is welcome again when there were too many', async () => {
        const limited = await startMuster(call.throttled.options);
        try {
          await dialect.prepare?.(limited, limited.key);
          const { send } = createClient(dialect, { ...call, finish: async () => undefined }, limited);
          const { status } = call.accepted;
          let calls = 0;
          let answer: Answer;
          do answer = await send({ body: call.write(`limited-${calls++}`, CANARY) });
          while (answer.status === status && calls < MOST_CALLS);
          expect(calls).toBeGreaterThan(1);
          const seconds = Number(answer.headers.get('retry-after'));
          expect(seconds).toBeGreaterThanOrEqual(1);
          expectRefusal(answer, call.throttled.expected(seconds));
        } finally {
          await limited.close();
        }
      });

      it('says within 5 s that the database is away, and stores again when it is back', async () => {
        const shaky = await startMuster({ workers: 0 });
        try {
          await dialect.prepare?.(shaky, shaky.key);
          const { send } = createClient(dialect, { ...call, finish: async () => undefined }, shaky);
          const database = new URL(shaky.databaseUrl).pathname.slice(1);
          await onServer(`ALTER DATABASE ${database} ALLOW_CONNECTIONS false`);
          await onServer(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`,
          );
          const startedMs = performance.now();
          const answer = await send({ body: call.write('lost', CANARY) });
          expect(performance.now() - startedMs).toBeLessThan(UNAVAILABLE_WITHIN_MS);
          expectRefusal(answer, dialect.refusals.unavailable);
          expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
          await onServer(`ALTER DATABASE ${database} ALLOW_CONNECTIONS true`);
          const again = await waitFor('the call to be accepted', async () => {
            const late = await send({ body: call.write('late', 'x') });
            return late.status === call.accepted.status && late;
          });
          expectAnswer(again, call.accepted);
        } finally {
          await shaky.close();
        }
      });
    },
  );
}

function createClient({ authenticate }: DialectDescription, call: DialectCall, muster: Muster) {
  const { collection } = ENTITIES[call.entity];
  const ask = async (path: string, init: RequestInit): Promise<Answer> => {
    const answer = await fetch(`${muster.url}${path}`, init);
    const text = await answer.text();
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    if (answer.status < 300) {
      const parts = answer.headers.get('cache-control')?.split(', ');
      expect(parts).toEqual(expect.arrayContaining(['private', 'no-store']));
    }
    expect(answer.headers.get('x-request-id')).toMatch(/^[A-Za-z0-9._-]{1,200}$/);
    return { status: answer.status, headers: answer.headers, text, body: JSON.parse(text) };
  };
  return {
    /** Makes the call, and waits until what was accepted is done. */
    async send({
      method = 'POST',
      key = muster.key,
      slug = 'default',
      body,
      headers,
    }: Request): Promise<Answer> {
      const answer = await ask(call.path(slug), {
        method,
        headers: { 'Content-Type': 'application/json', ...authenticate(key), ...call.headers, ...headers },
        body: body as NonNullable<RequestInit['body']>,
      });
      if (answer.status === call.accepted.status) await call.finish?.(muster, answer.body, key);
      return answer;
    },
    /** What is stored of the id. */
    read(id: string): Promise<Answer> {
      const path = call.readBack?.(id) ?? `/v1/${collection}/${encodeURIComponent(id)}`;
      return ask(path, { headers: authenticate(muster.key) });
    },
  };
}

function expectAnswer({ status, body }: Answer, expected: Expected): void {
  expect({ status, body }).toEqual(expected);
}

/** Checks also that the answer repeats no value, no parser's text and no SQL. */
function expectRefusal(answer: Answer, expected: Expected): void {
  expectAnswer(answer, expected);
  expect(answer.text).not.toContain(CANARY);
  expect(answer.text).not.toMatch(/unexpected token|position \d|\b(?:select|insert|update) |postgres|econn/i);
}
