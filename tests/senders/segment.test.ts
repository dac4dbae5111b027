/** Segment's own code, pointed at Muster by its setting "API Endpoint", does all that it does with Userpilot. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { INSTALL_TIMEOUT_MS } from '../support/install-folder';
import { type Muster, startMuster } from '../support/muster';
import {
  loadSegmentDestination,
  type SegmentDestination,
  type SegmentResponse,
  type Settings,
} from './segment/destination';

let muster: Muster;
let segment: SegmentDestination;
beforeAll(async () => {
  segment = await loadSegmentDestination();
  muster = await startMuster({ workers: 0 });
}, INSTALL_TIMEOUT_MS);
afterAll(() => muster?.close());

const settings = (to = muster): Settings => ({ apiKey: to.key, endpoint: `${to.url}/` });

/** @returns the last answer: those to requests that failed before stay in the destination */
async function perform(
  action: Parameters<SegmentDestination['testAction']>[0],
  event: Record<string, unknown>,
  to = muster,
): Promise<SegmentResponse | undefined> {
  const data = { event, settings: settings(to), useDefaultMappings: true as const };
  return (await segment.testAction(action, data)).at(-1);
}

const read = async (path: string) => (await muster.get(path)).body;

describe('Segment’s destination "Userpilot Cloud (Actions)"', () => {
  it('tests its connection, and notices a wrong key', async () => {
    await segment.testAuthentication(settings());
    await expect(segment.testAuthentication({ ...settings(), apiKey: 'wrong' })).rejects.toThrow(
      /401|valid/i,
    );
  });

  it('identifies a user whose traits are nested, and the rest of them is stored', async () => {
    const answer = await perform('identifyUser', {
      type: 'identify',
      userId: 'segment-user',
      traits: {
        email: 'jane@example.com',
        plan: 'pro',
        seats: 12,
        createdAt: '2026-01-02T03:04:05.000Z',
        address: { city: 'Bern', geo: { lat: 46.9 } },
        tags: ['a', 'b'],
        company: { id: 'acme', name: 'Acme' },
      },
    });
    expect(answer).toMatchObject({
      status: 202,
      data: {
        outcome: 'created',
        warnings: expect.arrayContaining([
          expect.objectContaining({ code: 'nested_value_ignored', path: 'metadata.address' }),
          expect.objectContaining({ code: 'nested_value_ignored', path: 'metadata.tags' }),
        ]),
      },
    });
    expect((await read('/v1/users/segment-user')).metadata).toEqual({
      email: 'jane@example.com',
      plan: 'pro',
      seats: 12,
      created_at: '2026-01-02T03:04:05.000Z',
    });
  });

  it('identifies a company', async () => {
    const answer = await perform('identifyCompany', {
      type: 'group',
      groupId: 'segment-company',
      traits: { name: 'Acme', employees: 50 },
    });
    expect(answer).toMatchObject({ status: 202, data: { outcome: 'created', warnings: [] } });
    expect((await read('/v1/companies/segment-company')).metadata).toMatchObject({
      name: 'Acme',
      employees: 50,
    });
  });

  it('deletes a user', async () => {
    await perform('identifyUser', { type: 'identify', userId: 'segment-leaver', traits: { a: 1 } });
    await muster.get('/v1/users/segment-leaver').expect(200);
    await segment.onDelete?.({ type: 'delete', userId: 'segment-leaver' }, settings());
    await muster.get('/v1/users/segment-leaver').expect(404);
  });

  it('is told that events are not stored, and how to turn them off', async () => {
    const event = { type: 'track', userId: 'u', event: 'Signed Up', properties: { plan: 'pro' } };
    await expect(perform('trackEvent', event)).rejects.toMatchObject({ response: { status: 501 } });
    const ignoring = await startMuster({ workers: 0, track: 'ignore' });
    try {
      const answer = await perform('trackEvent', event, ignoring);
      expect(answer).toMatchObject({ status: 202, data: { outcome: 'ignored' } });
    } finally {
      await ignoring.close();
    }
  });
});
