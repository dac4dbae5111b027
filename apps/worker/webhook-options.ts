/** What the sending of webhooks takes from the settings. */
import { userpilot } from '#dialect/userpilot/dialect';
import type { Job } from '#job/job';
import type { Settings } from '#settings/settings';
import type { WebhookDeps } from './webhooks';

export function webhookOptions({
  host,
  port,
  publicUrl = `http://${host}:${port}`,
  usersPerMinute,
  allowPrivateTargets,
}: Pick<Settings, 'host' | 'port' | 'usersPerMinute' | 'allowPrivateTargets'> &
  Partial<Pick<Settings, 'publicUrl'>>): Pick<WebhookDeps, 'describeJob' | 'allowsPrivateTargets'> {
  return {
    allowsPrivateTargets: allowPrivateTargets,
    describeJob: (job: Job) =>
      userpilot.writeJob(job, { baseUrl: publicUrl, usersPerMinute, now: new Date() }) as { links: string },
  };
}
