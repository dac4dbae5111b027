import { expect, it } from '@jest/globals';
import { STATUSES } from '#job/lifecycle';
import { readStatus, WIRE_STATUSES, writeStatus } from './status';

it('the states of the wire are Userpilot’s closed list', () => {
  expect(WIRE_STATUSES).toEqual([
    'queued',
    'validating',
    'processing',
    'pending_refresh',
    'completed',
    'failed',
  ]);
});

it('every state is shown as one of the wire, and found under it', () => {
  for (const status of STATUSES) {
    expect(WIRE_STATUSES).toContain(writeStatus(status));
    expect(readStatus(writeStatus(status))).toContain(status);
  }
  expect(WIRE_STATUSES.flatMap(readStatus).sort()).toEqual([...STATUSES].sort());
});
