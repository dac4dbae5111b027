/** Hands the next slice of a job to the queue. */
import type { Logger } from '#logger';
import type { Delivery, DeliveryQueue } from '#queue/delivery-queue';

/** Never throws: what the queue does not take is found by the rescue, because the job says when it is due. */
export async function deliverSlice(
  delivery: Delivery,
  delayMs: number,
  deps: { queue: DeliveryQueue; logger: Logger },
): Promise<void> {
  try {
    await deps.queue.deliver(delivery, delayMs);
  } catch (err) {
    deps.logger.warn({ err, job_id: delivery.jobId }, 'delivery failed; the rescue will deliver it');
  }
}
