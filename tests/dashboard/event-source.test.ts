/** A browser's own EventSource hears a job to its end, as the document says: by the name of the event, with the key added on the way. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { type Muster, startMuster } from '../support/muster';
import { startBrowser, visit } from './support/browser';

let muster: Muster;
let browser: Browser;
beforeAll(async () => {
  [muster, browser] = await Promise.all([startMuster({ usersPerMinute: 6_000 }), startBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await muster?.close();
});

interface Heard {
  statuses: string[];
  unnamed: number;
}

it('hears each change by the name of the event, and the final state as the last one', async () => {
  const { page, end } = await visit(browser, muster);
  // EventSource has no headers: whoever serves the page adds the key, as this does.
  await page.route('**/events', (route) =>
    route.continue({ headers: { ...route.request().headers(), authorization: `Token ${muster.key}` } }),
  );
  const rows = Array.from({ length: 250 }, (_, n) => ({ user_id: `event-${n}` }));
  const { body } = await muster.post().send({ users: rows }).expect(202);
  const { statuses, unnamed } = await page.evaluate<Heard, string>(
    (jobId) =>
      new Promise((resolve) => {
        const heard: Heard = { statuses: [], unnamed: 0 };
        const source = new EventSource(`/v1/background_jobs/${jobId}/events`);
        source.onmessage = () => heard.unnamed++;
        source.addEventListener('job', ({ data }) => {
          const { status, end_time } = JSON.parse(data) as { status: string; end_time: string | null };
          heard.statuses.push(status);
          if (end_time === null) return;
          source.close();
          resolve(heard);
        });
      }),
    body.job_id,
  );
  expect(statuses.length).toBeGreaterThan(2);
  expect(statuses.at(-1)).toBe('completed');
  expect(unnamed).toBe(0);
  await end();
});
