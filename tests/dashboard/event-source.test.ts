/** A browser's own EventSource follows a job as the document says: by the name of the event, with the key added on the way. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import type { Job } from '#client/index';
import { type Muster, startMuster } from '../support/muster';
import { startBrowser, visit } from './support/browser';

const ROWS = 45;

let muster: Muster;
let browser: Browser;
beforeAll(async () => {
  // 30 rows a second: the job lasts long enough to be heard of while it runs.
  [muster, browser] = await Promise.all([startMuster({ usersPerMinute: 1_800 }), startBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await muster?.close();
});

interface Heard {
  /** What listeners of `job` were given. */
  jobs: Job[];
  /** How many events reached onmessage. */
  unnamed: number;
}

/** Listens until the EventSource has closed itself, after which it does not connect again. */
function listen(page: Page, jobId: string): Promise<Heard> {
  return page.evaluate(
    (id) =>
      new Promise<Heard>((resolve) => {
        const heard: Heard = { jobs: [], unnamed: 0 };
        const source = new EventSource(`/v1/background_jobs/${id}/events`);
        source.onmessage = () => heard.unnamed++;
        source.addEventListener('job', ({ data }) => heard.jobs.push(JSON.parse(data) as Job));
        source.onerror = () => {
          if (source.readyState === EventSource.CLOSED) resolve(heard);
        };
      }),
    jobId,
  );
}

async function startJob(): Promise<string> {
  const rows = Array.from({ length: ROWS }, (_, n) => ({ user_id: `event-${n}` }));
  const { body } = await muster.post().send({ users: rows }).expect(202);
  return body.job_id as string;
}

it('an EventSource whose key is added on the way hears a job to its end, and then closes by itself', async () => {
  const { page, end } = await visit(browser, muster);
  const answers: number[] = [];
  page.on('response', (answer) => answer.url().endsWith('/events') && answers.push(answer.status()));
  // EventSource has no headers: whoever serves the page adds the key, as this does.
  await page.route('**/events', (route) =>
    route.continue({ headers: { ...route.request().headers(), authorization: `Token ${muster.key}` } }),
  );
  const { jobs, unnamed } = await listen(page, await startJob());
  const whileItRan = jobs.filter(({ completed_rows }) => completed_rows > 0 && completed_rows < ROWS);
  expect(whileItRan.length).toBeGreaterThan(0);
  expect(jobs.filter(({ end_time }) => end_time !== null)).toHaveLength(1);
  expect(jobs.at(-1)).toMatchObject({ status: 'completed', created_rows: ROWS });
  expect(unnamed).toBe(0);
  // It came back once with the id of the final event: 204 ends an EventSource.
  expect(answers).toEqual([200, 204]);
  await end();
});

it('an EventSource without a key hears nothing and does not connect again', async () => {
  const { page, end } = await visit(browser, muster);
  expect(await listen(page, await startJob())).toEqual({ jobs: [], unnamed: 0 });
  await end();
});
