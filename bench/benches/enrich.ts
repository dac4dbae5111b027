/**
 * Users of domains: upserts with 5,000 characters of text, what a text of 100,000 characters does to other callers, and
 * similar users among 100,000 candidates; precision and recall of the extraction beside them.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { countFeatures, embedCounts } from '#dialect/jean/embed/feature-hash';
import type { Bench, BenchOptions, Figure } from '../bench';
import { DOMAINS, measureQuality, precisionOf, readTexts, recallOf } from '../extraction/quality';
import { type Service, startService } from '../service';
import { median, percentile } from '../statistics';

const CHARACTERS = 5_000;
const LONG_CHARACTERS = 100_000;
const WARM_UP_CALLS = 200;
const CALLS = 400;
const CANDIDATES = 100_000;
const BATCH = 2_000;
const SEARCHES = 200;
const LONG_CALLS = 5;
const MOST_UPSERT_MS = 60;
const MOST_SIMILAR_MS = 150;
const LEAST_PRECISION = 0.95;
const LEAST_RECALL = 0.75;
const SCHEMAS = path.join(path.dirname(require.resolve('muster/package.json')), 'examples/schemas');

export const enrich: Bench = {
  name: 'enrich',
  about: `Users of domains: upserts with ${CHARACTERS} characters of text, similar users among ${CANDIDATES}, quality of extraction.`,
  async run(options) {
    const { backend, cpuProfile } = options;
    const settings = { IDENTIFY_PER_MINUTE: '0' };
    const service = await startService({ backend, usersPerMinute: 0, workers: 0, cpuProfile, settings });
    try {
      return [...(await measureCalls(service, options)), ...qualityFigures()];
    } finally {
      await service.stop();
    }
  },
};

type Call = (method: string, address: string, body?: unknown) => Promise<void>;

async function measureCalls(service: Service, { progress }: BenchOptions): Promise<Figure[]> {
  const slug = 'enrich';
  const key = await service.addEnvironment(slug);
  const call: Call = async (method, address, body) => {
    const answer = await fetch(`${service.url}${address}`, {
      method,
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`${method} ${address} answered ${answer.status}`);
  };
  await call('PUT', '/v1/schema?domain=dating', readFileSync(path.join(SCHEMAS, 'dating.json'), 'utf8'));
  progress('upserts');
  const upserts = await measureUpserts(call);
  progress('long texts');
  const delays = await measureLongTexts(service, call);
  progress(`${CANDIDATES} candidates`);
  await addCandidates(service, slug);
  const coldMs = await time(() => call('GET', '/v1/users/candidate-0/similar?domain=dating'));
  const searches: number[] = [];
  for (let n = 0; n < SEARCHES; n++)
    searches.push(await time(() => call('GET', `/v1/users/candidate-${n}/similar?domain=dating&limit=10`)));
  return [
    latency(`upsert with ${CHARACTERS} characters, median`, [median(upserts)]),
    latency(
      `upsert with ${CHARACTERS} characters, 95th percentile`,
      [percentile(upserts, 0.95)],
      MOST_UPSERT_MS,
    ),
    latency(`upsert with ${LONG_CHARACTERS} characters, median`, [median(delays.long)]),
    latency(`health check beside it, longest`, [Math.max(...delays.beside)]),
    latency(`similar users among ${CANDIDATES}, first call`, [coldMs]),
    latency(`similar users among ${CANDIDATES}, median`, [median(searches)]),
    latency(
      `similar users among ${CANDIDATES}, 95th percentile`,
      [percentile(searches, 0.95)],
      MOST_SIMILAR_MS,
    ),
  ];
}

async function measureUpserts(call: Call): Promise<number[]> {
  const samples: number[] = [];
  for (let n = 0; n < WARM_UP_CALLS + CALLS; n++) {
    const body = { user_id: `upsert-${n}`, domain: 'dating', context: prose(n, CHARACTERS) };
    const ms = await time(() => call('POST', '/v1/users', body));
    if (n >= WARM_UP_CALLS) samples.push(ms);
  }
  return samples;
}

/** Asks for the health of the API all the time while it reads long texts. */
async function measureLongTexts(service: Service, call: Call): Promise<{ long: number[]; beside: number[] }> {
  const long: number[] = [];
  const beside: number[] = [];
  for (let n = 0; n < LONG_CALLS; n++) {
    let isRunning = true;
    const body = { user_id: `long-${n}`, domain: 'dating', context: prose(n, LONG_CHARACTERS) };
    const upserting = time(() => call('POST', '/v1/users', body)).finally(() => {
      isRunning = false;
    });
    while (isRunning)
      beside.push(await time(async () => void (await (await fetch(`${service.url}/healthz`)).arrayBuffer())));
    long.push(await upserting);
  }
  return { long, beside };
}

/** Straight into the tables: what is measured is the search. */
async function addCandidates({ database }: Service, slug: string): Promise<void> {
  for (let start = 0; start < CANDIDATES; start += BATCH) {
    const ids = Array.from({ length: BATCH }, (_, n) => `candidate-${start + n}`);
    const heads = ids.map((_, n) => embedCounts(countFeatures(prose(start + n, 300))));
    const vectors = heads.map(({ vector }) => Buffer.from(vector.buffer));
    await database.query(
      `WITH environment AS (SELECT id FROM environments WHERE slug = $1),
       added AS (INSERT INTO users (environment_id, user_id) SELECT e.id, u FROM environment e, unnest($2::text[]) u)
       SELECT`,
      [slug, ids],
    );
    await database.query(
      `INSERT INTO domain_embeddings (environment_id, user_id, domain, model, vector, is_candidate)
       SELECT e.id, c.user_id, 'dating', $4, c.vector, true
       FROM environments e, unnest($2::text[], $3::bytea[]) AS c(user_id, vector) WHERE e.slug = $1`,
      [slug, ids, vectors, heads[0]?.model],
    );
  }
  await database.query('ANALYZE domain_embeddings');
}

const texts = readTexts('dating', 'tuning').map(({ text }) => text);

/** Different text for each number, made of the labelled ones. */
function prose(number: number, characters: number): string {
  let text = `Call me ${number.toString(36)}. `;
  for (let step = number; text.length < characters; step = (step * 7 + 3) % 1_000_003)
    text += `${texts[step % texts.length]} `;
  return text.slice(0, characters);
}

async function time(work: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

function latency(name: string, samples: number[], most?: number): Figure {
  const figure = { name, unit: 'ms', samples };
  if (most === undefined) return figure;
  return { ...figure, goal: { text: `<= ${most} ms`, met: median(samples) <= most } };
}

function qualityFigures(): Figure[] {
  return DOMAINS.flatMap((domain) => {
    const { byField, all } = measureQuality(domain, 'held-out');
    const share = (name: string, value: number, least?: number): Figure => ({
      name: `${domain}, held-out texts: ${name}`,
      unit: '',
      samples: [value],
      ...(least !== undefined && { goal: { text: `>= ${least}`, met: value >= least } }),
    });
    return [
      share('precision', precisionOf(all), LEAST_PRECISION),
      share('recall', recallOf(all), LEAST_RECALL),
      ...[...byField].flatMap(([name, tally]) => [
        share(`precision of ${name}`, precisionOf(tally)),
        share(`recall of ${name}`, recallOf(tally)),
      ]),
    ];
  });
}
