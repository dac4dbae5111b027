/** What the client's iterators give, as a whole. */
import type { Client, Job } from '#client/index';

export async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list = [];
  for await (const item of items) list.push(item);
  return list;
}

/** Watches to the end. @returns the final job */
export async function finish(client: Client, job: Job): Promise<Job> {
  const last = (await all(client.watch(job.job_id))).at(-1);
  if (last === undefined) throw new Error('the watch gave nothing');
  return last;
}
