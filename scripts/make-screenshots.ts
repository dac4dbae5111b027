/**
 * Writes docs/images/dashboard-*.png: the dashboard of a Muster of its own, with jobs that have something to show.
 * Needs the build and Chromium (scripts/ensure-chromium): `npm run screenshots`, with names for only those.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { type Client, createClient, isFinished } from '#client/index';

const KEY = 'screenshots-of-the-dashboard-0123456789abcdef';
const PORT = '43117';
const URL_OF_IT = `http://127.0.0.1:${PORT}`;
const FOLDER = path.resolve('docs/images');
const START_TIMEOUT_MS = 60_000;
const DESKTOP = { width: 1280, height: 860 };
const PHONE = { width: 390, height: 844 };

const PLANS = ['free', 'starter', 'growth', 'enterprise'];

/** Users as a file; every hundredth or so has a fault. */
function users(size: number, prefix: string): string {
  const row = (n: number) => {
    if (n % 97 === 96) return '{"metadata":{"plan":"free"}}';
    if (n % 61 === 60) return `{"user_id":"${prefix}_${n}","metadata":{"tags":["a","b"]}}`;
    const metadata = { plan: PLANS[n % 4], seats: n % 40, signed_up: '2026-01-31', active: n % 5 > 0 };
    return JSON.stringify({ user_id: `${prefix}_${n}`, company_id: `company_${n % 12}`, metadata });
  };
  return Array.from({ length: size }, (_, n) => `${row(n)}\n`).join('');
}

async function finish(client: Client, jobId: string): Promise<void> {
  for await (const job of client.watch(jobId)) if (isFinished(job)) return;
}

/** @returns the jobs that are shown alone */
async function fill(client: Client): Promise<{ done: string; running: string }> {
  const companies = Array.from({ length: 12 }, (_, n) => ({
    company_id: `company_${n}`,
    metadata: { name: `Company ${n}`, plan: PLANS[n % 4] ?? '' },
  }));
  const { job_id: first } = await client.importCompanies(companies, { filename: 'companies.ndjson' });
  await finish(client, first);
  const done = await client.importUsers(users(600, 'user'), { filename: 'crm-export.ndjson' });
  await finish(client, done.job_id);
  const dry = await client.importUsers(users(450, 'user'), { filename: 'crm-export.ndjson', dryRun: true });
  await finish(client, dry.job_id);
  const stopped = await client.importUsers(users(2_000, 'trial'), { filename: 'trial-users.ndjson' });
  await client.cancel(stopped.job_id);
  const example = readFileSync('examples/users.ndjson');
  const { job_id: fifth } = await client.importUsers(example, { filename: 'users.ndjson' });
  await finish(client, fifth);
  const { job_id: running } = await client.importUsers(users(10_000, 'member'), {
    filename: 'nightly-sync.ndjson',
  });
  await client.importUsers(users(900, 'late'), { filename: 'late-arrivals.ndjson', onBusy: 'queue' });
  return { done: done.job_id, running };
}

interface Shot {
  name: string;
  path: string;
  viewport?: { width: number; height: number };
  colorScheme?: 'light' | 'dark';
  ready(page: Page): Promise<unknown>;
}

async function take(browser: Browser, shot: Shot): Promise<void> {
  const { colorScheme = 'light', viewport = DESKTOP } = shot;
  const context = await browser.newContext({
    baseURL: URL_OF_IT,
    colorScheme,
    viewport,
    deviceScaleFactor: 1.5,
  });
  const page = await context.newPage();
  await page.addInitScript(`sessionStorage.setItem('muster:key', ${JSON.stringify(KEY)})`);
  await page.goto(shot.path);
  await shot.ready(page);
  await page.screenshot({ path: path.join(FOLDER, `dashboard-${shot.name}.png`) });
  await context.close();
}

/** A CSV as it comes from elsewhere. */
const CSV = `uuid,Full Name,Plan,Seats,VIP\n${Array.from(
  { length: 240 },
  (_, n) => `${n % 40 === 39 ? '' : `c-${1000 + n}`},Person ${n},${PLANS[n % 4]},${n % 30},${n % 7 === 0}\n`,
).join('')}`;

async function dropCsv(page: Page): Promise<void> {
  await page.getByRole('table').waitFor();
  await page.setInputFiles('input[type=file]', {
    name: 'customers.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from(CSV),
  });
  await page.getByText('would fail').waitFor();
}

const MEASURED_MS = 25_000;

function shotsOf({ done, running }: { done: string; running: string }): Shot[] {
  const table = (page: Page) => page.getByRole('table').waitFor();
  const errors = (page: Page) => page.getByText('The row has no id.').first().waitFor();
  const measured = async (page: Page) => {
    await page.getByText('rows a minute now').waitFor();
    await new Promise((resolve) => setTimeout(resolve, MEASURED_MS));
  };
  const card = async (page: Page) => {
    await page.getByRole('heading', { name: 'user_7' }).waitFor();
    await page.getByRole('region', { name: 'Imports that had it' }).getByRole('table').waitFor();
  };
  return [
    { name: 'jobs', path: '/', ready: table },
    { name: 'jobs-dark', path: '/', colorScheme: 'dark', ready: table },
    { name: 'jobs-phone', path: '/', viewport: PHONE, ready: table },
    { name: 'job-running', path: `/jobs/${running}`, ready: measured },
    { name: 'job-running-dark', path: `/jobs/${running}`, colorScheme: 'dark', ready: measured },
    { name: 'job-phone', path: `/jobs/${done}`, viewport: PHONE, ready: errors },
    { name: 'job-errors', path: `/jobs/${done}`, ready: errors },
    { name: 'import', path: '/', ready: dropCsv },
    { name: 'import-phone', path: '/', viewport: PHONE, colorScheme: 'dark', ready: dropCsv },
    { name: 'users', path: '/users', ready: table },
    { name: 'user', path: '/users?id=user_7', ready: card },
    { name: 'user-dark', path: '/users?id=user_7', colorScheme: 'dark', ready: card },
    { name: 'properties', path: '/properties', ready: table },
  ];
}

async function untilReady(): Promise<void> {
  const end = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const isReady = await fetch(`${URL_OF_IT}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (isReady) return;
    if (Date.now() > end) throw new Error('The service did not start.');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function main(): Promise<void> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'muster-screenshots-'));
  const env = { ...process.env, PORT, DATA_DIR: dataDir, API_KEY: KEY, DATABASE_URL: '', REDIS_URL: '' };
  const service = spawn(process.execPath, ['dist/apps/standalone/main.js'], { env, stdio: 'ignore' });
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  try {
    await untilReady();
    mkdirSync(FOLDER, { recursive: true });
    const shown = await fill(createClient({ url: URL_OF_IT, apiKey: KEY }));
    const browser = await chromium.launch({ executablePath, args });
    try {
      const wanted = process.argv.slice(2);
      for (const shot of shotsOf(shown)) {
        if (wanted.length === 0 || wanted.includes(shot.name)) await take(browser, shot);
      }
    } finally {
      await browser.close();
    }
  } finally {
    service.kill('SIGTERM');
    if (service.exitCode === null) await once(service, 'exit');
    rmSync(dataDir, { recursive: true, force: true });
  }
}

void main();
