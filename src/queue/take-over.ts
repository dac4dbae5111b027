/**
 * Deliveries of a version that had the same prefix for every installation (`bull:imports`): those for jobs of this one are
 * taken over; the others are left for whoever they belong to. One that is in work stays with its worker.
 */
import type { JobType, Queue } from 'bullmq';
import type { Delivery, DeliveryQueue } from './delivery-queue';
import { readDelivery } from './read-delivery';

const PAGE = 500;

/**
 * @param old the queue under the old prefix
 * @param findOurs which of these jobs are this installation's and not ended
 * @returns how many were taken over. One may be delivered twice, which does no harm
 */
export async function takeOver(
  old: Queue<Delivery>,
  deliver: DeliveryQueue['deliver'],
  findOurs: (jobIds: readonly string[]) => Promise<ReadonlySet<string>>,
): Promise<number> {
  let taken = 0;
  for (let left = 0; ; ) {
    const page = await old.getJobs(
      ['wait', 'delayed', 'prioritized', 'paused' as JobType],
      left,
      left + PAGE - 1,
    );
    if (page.length === 0) return taken;
    const deliveries = page.map((job) => ({ job, delivery: readDelivery(job?.data) }));
    const ours = await findOurs(deliveries.flatMap(({ delivery }) => delivery?.jobId ?? []));
    const before = taken;
    for (const { job, delivery } of deliveries) {
      if (delivery === undefined || !ours.has(delivery.jobId)) continue;
      await deliver(delivery, Math.max(0, job.timestamp + (job.delay ?? 0) - Date.now()));
      await job.remove().catch(() => undefined);
      taken++;
    }
    left += page.length - (taken - before);
  }
}
