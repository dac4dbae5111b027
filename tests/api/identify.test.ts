/** Single calls of Userpilot's wire beyond the conformance suite: identify with companies, validate, track. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, startMuster } from '../support/muster';
import { waitFor } from '../support/wait';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

async function post(path: string, body: unknown, key = muster.key, url = muster.url) {
  const answer = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: {
      Authorization: `Token ${key}`,
      'Content-Type': 'application/json',
      'X-API-Version': '2020-09-22',
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: answer.status, headers: answer.headers, body: JSON.parse(await answer.text()) };
}

async function read(path: string): Promise<string> {
  return (await fetch(`${muster.url}${path}`, { headers: { Authorization: `Token ${muster.key}` } })).text();
}

describe('POST /v1/identify', () => {
  it('stores a user and its company after the commit, and says what became of the user', async () => {
    const body =
      '{"user_id":"i1","metadata":{"age":9007199254740993,"old":1},"company":{"id":"c1","seats":0.10}}';
    expect(await post('/v1/identify', body)).toMatchObject({
      status: 202,
      body: { outcome: 'created', warnings: [] },
    });
    expect(await read('/v1/users/i1')).toContain(
      '"company_id":"c1","metadata":{"age": 9007199254740993, "old": 1}',
    );
    expect(await read('/v1/companies/c1')).toContain('"metadata":{"seats": 0.10}');
    expect((await post('/v1/identify', body)).body.outcome).toBe('unchanged');
    const patch = { user_id: 'i1', metadata: { old: null, plan: 'pro' } };
    expect((await post('/v1/identify', patch)).body.outcome).toBe('updated');
    expect(await read('/v1/users/i1')).toContain(
      '"company_id":"c1","metadata":{"age": 9007199254740993, "plan": "pro"}',
    );
  });

  it.each([{}, null])('takes the company %j as none', async (company) => {
    expect((await post('/v1/identify', { user_id: 'i2', company })).status).toBe(202);
    expect(JSON.parse(await read('/v1/users/i2'))).toMatchObject({ company_id: null, metadata: {} });
  });

  it('leaves nested values out with a warning, flattens them or refuses them, as the caller asks', async () => {
    const metadata = {
      plan: 'pro',
      address: { city: 'Bern', geo: { lat: 1 } },
      tags: ['a', 'b'],
      __proto: 1,
    };
    const body = { user_id: 'i3', metadata };
    const ignored = await post('/v1/identify', body);
    expect(ignored.body).toMatchObject({
      outcome: 'created',
      warnings: [
        { code: 'nested_value_ignored', path: 'metadata.address', rows: 1 },
        { code: 'nested_value_ignored', path: 'metadata.tags', rows: 1 },
      ],
    });
    expect((await post('/v1/identify?nested=flatten', body)).body).toEqual({
      outcome: 'updated',
      warnings: [],
    });
    expect(JSON.parse(await read('/v1/users/i3')).metadata).toEqual({
      plan: 'pro',
      'address.city': 'Bern',
      'address.geo.lat': 1,
      'tags.0': 'a',
      'tags.1': 'b',
      __proto: 1,
    });
    const refused = await post('/v1/identify?nested=reject', body);
    expect(refused.status).toBe(400);
    expect(
      refused.body.errors.map((e: { error_code: string; details: string }) => [e.error_code, e.details]),
    ).toEqual([
      ['metadata_value_invalid', 'metadata.address'],
      ['metadata_value_invalid', 'metadata.tags'],
    ]);
  });

  it.each([
    [{ user_id: 'x', company: 'c' }, 'company_id_invalid', 'company'],
    [{ user_id: 'x', company: { name: 'n' } }, 'id_missing', 'company.id'],
    [{ user_id: 'x', company: { id: 'c', '': 1 } }, 'metadata_key_invalid', 'company.metadata'],
  ])('refuses %j with the code and the place of the fault, and stores nothing', async (body, code, path) => {
    const { status, body: answer } = await post('/v1/identify', body);
    expect({ status, errors: answer.errors }).toEqual({
      status: 400,
      errors: [expect.objectContaining({ error_code: code, details: path })],
    });
    expect(await read('/v1/users/x')).toContain('user_not_found');
  });

  it('merges concurrent calls of one user, none of which loses keys of another', async () => {
    const calls = Array.from({ length: 60 }, (_, n) =>
      post('/v1/identify', {
        user_id: 'many',
        metadata: { [`k${n}`]: n },
        company: { id: 'shared', [`c${n}`]: n },
      }),
    );
    const outcomes = (await Promise.all(calls)).map(({ body }) => body.outcome);
    expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'updated')).toHaveLength(59);
    expect(Object.keys(JSON.parse(await read('/v1/users/many')).metadata)).toHaveLength(60);
    expect(Object.keys(JSON.parse(await read('/v1/companies/shared')).metadata)).toHaveLength(60);
  });

  it('adds the properties to the catalogue', async () => {
    await post('/v1/identify', { user_id: 'p', metadata: { first_sent_live: true } });
    const property = await waitFor('the property', async () =>
      (JSON.parse(await read('/v1/properties')) as { key: string }[]).find(
        ({ key }) => key === 'first_sent_live',
      ),
    );
    expect(property).toMatchObject({ types: ['Boolean'], first_job_id: null });
  });

  it('refuses what would make the stored metadata too large, and stores nothing of the call', async () => {
    const fat = (names: string) => Object.fromEntries([...names].map((name) => [name, 'x'.repeat(60_000)]));
    expect((await post('/v1/identify', { user_id: 'fat', metadata: fat('abcdefghijkl') })).status).toBe(202);
    const grown = { user_id: 'fat', metadata: fat('mnopqrst'), company: { id: 'of-fat', name: 'n' } };
    const { status, body } = await post('/v1/identify', grown);
    expect({ status, code: body.errors[0].error_code }).toEqual({ status: 400, code: 'metadata_too_large' });
    expect(Object.keys(JSON.parse(await read('/v1/users/fat')).metadata)).toHaveLength(12);
    expect(await read('/v1/companies/of-fat')).toContain('company_not_found');
    expect((await post('/v1/identify', { user_id: 'fat', metadata: { a: null } })).body.outcome).toBe(
      'updated',
    );
  });

  it('runs while an import holds the slot', async () => {
    const slow = await startMuster({ usersPerMinute: 60 });
    try {
      await slow.post().send(Array.from({ length: 50 }, (_, n) => ({ user_id: `s${n}` })));
      const answer = await post('/v1/identify', { user_id: 'beside' }, slow.key, slow.url);
      expect(answer).toMatchObject({ status: 202, body: { outcome: 'created' } });
    } finally {
      await slow.close();
    }
  });

  it('limits the calls of a key, and says when the next one is welcome', async () => {
    const limited = await startMuster({ workers: 0, identifyPerMinute: 3 });
    try {
      const answers = [];
      for (let n = 0; n < 4; n++)
        answers.push(await post('/v1/identify', { user_id: 'l' }, limited.key, limited.url));
      expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 429]);
      const { headers, body } = answers[3] as (typeof answers)[0];
      expect(body.errors[0].error_code).toBe('rate_limited');
      expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect(headers.get('ratelimit')).toMatch(/r=0/);
      expect(headers.get('ratelimit-policy')).toMatch(/q=3/);
    } finally {
      await limited.close();
    }
  });
});

describe('GET /v1/validate', () => {
  it('names the environment of a good key', async () => {
    expect(await read('/v1/validate')).toBe('{"environment":"default"}');
    expect((await fetch(`${muster.url}/v1/validate`)).status).toBe(401);
  });
});

describe('POST /v1/track', () => {
  it('says that events are not stored and how to turn them off', async () => {
    const { status, body } = await post('/v1/track', { user_id: 'u', event_name: 'e' });
    expect(status).toBe(501);
    expect(body.errors[0]).toMatchObject({ error_code: 'not_supported' });
    expect(body.detail).toMatch(/Segment/);
  });

  it('lets them pass where the service was told to, and counts them in all, not by name', async () => {
    const ignoring = await startMuster({ workers: 0, track: 'ignore' });
    try {
      const answer = await post('/v1/track', { user_id: 'u', event_name: 'e' }, ignoring.key, ignoring.url);
      expect(answer).toMatchObject({ status: 202, body: { outcome: 'ignored' } });
      const { text } = await ignoring.get('/metrics').expect(200);
      expect(text).toMatch(/^muster_ignored_events_total 1$/m);
      expect(text).not.toContain('event_name');
    } finally {
      await ignoring.close();
    }
  });
});
