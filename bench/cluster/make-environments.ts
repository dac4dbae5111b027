/** The environments of a cluster: a key and a file each. Ids are the same in all of them, values are of each alone. */
import { makeNdjson, ROWS } from '../make-rows';
import type { Service } from '../service';

/** Rows that an environment can have at most. */
export const MOST_ROWS = ROWS;

export interface ClusterEnvironment {
  slug: string;
  key: string;
  /** What its clients send, and must find again. */
  ndjson: Buffer;
  rows: number;
}

/** A row of such a file. */
export interface SentUser {
  user_id: string;
  company_id: string;
  metadata: Record<string, unknown>;
}

/** Makes `count` environments of `rows` users each, `environment-01` and so on. */
export async function makeEnvironments(
  service: Service,
  count: number,
  rows: number,
): Promise<ClusterEnvironment[]> {
  const digits = Math.max(2, String(count).length);
  const environments: ClusterEnvironment[] = [];
  for (let n = 1; n <= count; n++) {
    const slug = `environment-${String(n).padStart(digits, '0')}`;
    const ndjson = firstLines(await makeNdjson('small', n), rows);
    environments.push({ slug, key: await service.addEnvironment(slug), ndjson, rows });
  }
  return environments;
}

export function readSentUsers({ ndjson }: ClusterEnvironment): SentUser[] {
  const lines = ndjson.toString('utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as SentUser);
}

function firstLines(ndjson: Buffer, count: number): Buffer {
  let end = 0;
  for (let n = 0; n < count; n++) end = ndjson.indexOf('\n', end) + 1;
  return ndjson.subarray(0, end);
}
