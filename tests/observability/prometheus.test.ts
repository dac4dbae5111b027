/** The rules and the dashboard of docs/observability hold: for promtool, for what is served, and for a real Prometheus. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { serveApi } from '#apps/api/serve';
import { freePort } from '#apps/standalone/free-port';
import { createLogger } from '#logger';
import { type Muster, startMuster } from '../support/muster';
import { waitFor } from '../support/wait';

const run = promisify(execFile);
const FOLDER = path.resolve(__dirname, '..', '..', 'docs', 'observability');
const TOKEN = 'token-of-the-metrics';

let muster: Muster;
let folder: string;
beforeAll(async () => {
  muster = await startMuster({ metricsToken: TOKEN });
  folder = mkdtempSync(path.join(tmpdir(), 'muster-prometheus-'));
  cpSync(FOLDER, folder, { recursive: true });
  writeFileSync(path.join(folder, 'token'), TOKEN);
});
afterAll(async () => {
  await muster.close();
  rmSync(folder, { recursive: true });
});

it('promtool accepts the rules and the configuration, and the tests of the rules pass', async () => {
  const { stdout: config } = await run('promtool', ['check', 'config', 'prometheus.yml'], { cwd: folder });
  expect(config).toContain('10 rules found');
  const { stdout } = await run('promtool', ['test', 'rules', 'rules_test.yml'], { cwd: folder });
  expect(stdout).toContain('SUCCESS');
});

it('every metric of the rules and the dashboard is served', async () => {
  await muster.importRows([{ user_id: 'a' }, { user_id: 1 }]);
  await muster.get('/v1/users/nobody').expect(404);
  const { text } = await muster.get('/metrics').expect(200);
  const named = ['rules.yml', 'dashboard.json'].flatMap((name) => {
    const content = readFileSync(path.join(FOLDER, name), 'utf8');
    return content.match(/\b(?:muster|nodejs|process)_[a-z0-9_]+/g) ?? [];
  });
  const served = new Set(text.match(/^[a-z0-9_]+/gm));
  expect(new Set(named).size).toBeGreaterThan(15);
  expect([...new Set(named)].filter((name) => !served.has(name))).toEqual([]);
});

it('a real Prometheus reads an API and raises the alert when it is down', async () => {
  const api = await serveApi({ ...muster, logger: createLogger('test', 'silent') });
  const port = await freePort();
  const config = readFileSync(path.join(FOLDER, 'prometheus.yml'), 'utf8')
    .replaceAll('15s', '500ms')
    .replace('127.0.0.1:3000', new URL(api.url).host);
  writeFileSync(path.join(folder, 'prometheus.yml'), config);
  const rules = readFileSync(path.join(FOLDER, 'rules.yml'), 'utf8').replaceAll('for: 1m', 'for: 1s');
  writeFileSync(path.join(folder, 'rules.yml'), rules);
  const words = [
    '--config.file=prometheus.yml',
    '--storage.tsdb.path=data',
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  const prometheus = spawn('prometheus', words, { cwd: folder, stdio: 'ignore' });
  const ended = once(prometheus, 'exit');
  const ask = async (address: string) => {
    // While it starts it refuses, or answers in words.
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/${address}`).catch(() => undefined);
    if (answer?.ok !== true) return undefined;
    return ((await answer.json()) as { data: Record<string, unknown[]> }).data;
  };
  const firing = async () => {
    const alerts = (await ask('alerts'))?.alerts as { labels: { alertname: string }; state: string }[];
    return (alerts ?? []).filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname);
  };
  const isUp = async () => {
    const result = (await ask('query?query=up{job="muster-api"}'))?.result as { value: [number, string] }[];
    return result?.[0]?.value[1] === '1';
  };
  try {
    await waitFor('Prometheus to read the API', isUp, 60_000);
    expect(await firing()).not.toContain('MusterApiDown');
    await api.close();
    await waitFor('the alert', async () => (await firing()).includes('MusterApiDown'), 60_000);
  } finally {
    prometheus.kill();
    await ended;
  }
}, 150_000);
