/** Stage `pending_refresh`: brings the property catalogue up to date and words the job's warnings. */
import { type JobWarning, type Observations, type PropertyType, warnOfIgnored } from '#job/observations';
import { catalogueProperties, findKnownTypes } from '#store/properties';
import type { Slice } from './slice';

/** Adds what the job has seen to the catalogue, unless it is a dry run. Returns the job's warnings. */
export async function refreshCatalogue({ tx, job }: Slice): Promise<JobWarning[]> {
  const { observations } = job;
  const seen = [...observations.properties].map(([key, counts]) => ({
    key,
    types: Object.keys(counts) as PropertyType[],
  }));
  const known = await findKnownTypes(tx, job, seen);
  if (!job.dryRun) await catalogueProperties(tx, job, seen);
  return [...typeChanges(observations, known), ...describeIgnored(observations)];
}

function typeChanges(observations: Observations, known: ReadonlyMap<string, PropertyType[]>): JobWarning[] {
  const warnings: JobWarning[] = [];
  for (const [key, counts] of observations.properties) {
    const before = known.get(key);
    if (before === undefined) continue;
    for (const [type, rows] of Object.entries(counts)) {
      if (before.includes(type as PropertyType)) continue;
      const message = `The property was known as ${before.join(', ')}; ${rows} rows sent ${type}.`;
      warnings.push({ code: 'type_changed', path: `metadata.${key}`, rows, message });
    }
  }
  return warnings;
}

/** Warnings about what was not stored: nothing disappears silently. */
export function describeIgnored(observations: Observations): JobWarning[] {
  const warnings = [
    ...[...observations.ignoredKeys].map(([path, rows]) => warnOfIgnored('unknown_key_ignored', path, rows)),
    ...[...observations.droppedKeys].map(([key, rows]) =>
      warnOfIgnored('nested_value_ignored', `metadata.${key}`, rows),
    ),
  ];
  if (observations.overflow > 0) {
    warnings.push({
      code: 'properties_not_catalogued',
      path: 'metadata',
      rows: observations.overflow,
      message:
        'The import has more distinct keys than the catalogue takes from one job; the values are stored.',
    });
  }
  return warnings;
}
