/** What the sending of webhooks takes from the settings. */
import { userpilot } from '#dialect/userpilot/dialect';
import type { Job } from '#job/job';
import type { Settings } from '#settings/settings';
import type { WebhookDeps } from './webhooks';

export function webhookOptions({
  host,
  port,
  usersPerMinute,
  allowPrivateTargets,
}: Pick<Settings, 'host' | 'port' | 'usersPerMinute' | 'allowPrivateTargets'>): Pick<
  WebhookDeps,
  'describeJob' | 'allowsPrivateTargets'
> {
  const baseUrl = `http://${host}:${port}`;
  return {
    allowsPrivateTargets: allowPrivateTargets,
    describeJob: (job: Job) =>
      userpilot.writeJob(job, { baseUrl, usersPerMinute, now: new Date() }) as { links: string },
  };
}
