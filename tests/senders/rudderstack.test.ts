/**
 * Requests of the shapes that RudderStack's Userpilot destination makes of events. Of a user with a company it sends the
 * company beside the metadata and, because the company is one of the traits, within the metadata again.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, startMuster } from '../support/muster';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster({ workers: 0, track: 'ignore' });
});
afterAll(() => muster.close());

async function deliver(path: string, body: object) {
  const answer = await fetch(`${muster.url}${path}`, {
    method: 'POST',
    headers: {
      Authorization: `Token ${muster.key}`,
      'Content-Type': 'application/json',
      'X-API-Version': '2020-09-22',
    },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: JSON.parse(await answer.text()) };
}

const read = async (path: string) => (await muster.get(path).expect(200)).body;

describe('RudderStack’s destination', () => {
  it('stores a user with a company that is repeated within the metadata', async () => {
    const company = { id: 'acme', name: 'Acme', seats: 12 };
    const answer = await deliver('/v1/identify', {
      user_id: 'rudder-user',
      company,
      metadata: { name: 'John Doe', created_at: '2026-01-02T03:04:05.000Z', company },
    });
    expect(answer).toMatchObject({
      status: 202,
      body: {
        outcome: 'created',
        warnings: [{ code: 'nested_value_ignored', path: 'metadata.company', rows: 1 }],
      },
    });
    expect(await read('/v1/users/rudder-user')).toMatchObject({
      company_id: 'acme',
      metadata: { name: 'John Doe', created_at: '2026-01-02T03:04:05.000Z' },
    });
    expect((await read('/v1/companies/acme')).metadata).toEqual({ name: 'Acme', seats: 12 });
  });

  it('stores a user whose company is a name only', async () => {
    const metadata = { name: 'Jane Doe', company: 'Company123', phone: '123-456-7890' };
    const answer = await deliver('/v1/identify', { user_id: 'rudder-named', metadata });
    expect(answer).toEqual({ status: 202, body: { outcome: 'created', warnings: [] } });
    expect(await read('/v1/users/rudder-named')).toMatchObject({ company_id: null, metadata });
  });

  it('stores a company of a group event', async () => {
    const metadata = { name: 'Apple Inc.', location: 'USA' };
    const answer = await deliver('/v1/companies/identify', { company_id: 'rudder-group', metadata });
    expect(answer).toEqual({ status: 202, body: { outcome: 'created', warnings: [] } });
    expect((await read('/v1/companies/rudder-group')).metadata).toEqual(metadata);
  });

  it('has its track events ignored where the service is set so', async () => {
    const event = { user_id: 'rudder-user', event_name: 'Signed Up', metadata: { revenue: 30 } };
    expect(await deliver('/v1/track', event)).toEqual({ status: 202, body: { outcome: 'ignored' } });
  });
});
