/**
 * Clients that are generated from the OpenAPI document: their code compiles strictly, and they import rows as JSON, NDJSON
 * and a form, and follow the job to its end.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { INSTALL_TIMEOUT_MS } from '../support/install-folder';
import { type Muster, startMuster } from '../support/muster';
import { installTools, RUN_TIMEOUT_MS, type Run, runTool } from './tools';

/** Types of Node, for the programs below. */
const TYPES = path.resolve(__dirname, '../../node_modules/@types');

const folder = mkdtempSync(path.join(tmpdir(), 'muster-clients-'));
let muster: Muster;
beforeAll(async () => {
  const tools = await installTools();
  symlinkSync(path.join(tools, 'node_modules'), path.join(folder, 'node_modules'));
  muster = await startMuster();
  const document = await (await fetch(`${muster.url}/openapi.json`)).text();
  writeFileSync(path.join(folder, 'openapi.json'), document);
  writeFileSync(path.join(folder, 'package.json'), '{"type":"commonjs"}');
}, INSTALL_TIMEOUT_MS);
afterAll(async () => {
  await muster?.close();
  rmSync(folder, { recursive: true });
});

/** What programs share that import in three forms, and say how many users each import has created. */
const FOLLOW = `
export async function followed(read: () => Promise<{ status: string; created_rows: number } | undefined>) {
  for (;;) {
    const job = await read();
    if (job === undefined) throw new Error('no job');
    if (job.status === 'completed' || job.status === 'failed') return job.created_rows;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
export const url = process.env.MUSTER_URL as string;
export const authorization = \`Token \${process.env.MUSTER_API_KEY}\`;
export const lines = '{"user_id":"ndjson-1"}\\n{"user_id":"ndjson-2"}\\n';
export const file = () => new File(['{"user_id":"form"}\\n'], 'users.ndjson');
`;

/** How orval's client for NDJSON sends, as docs/clients.md shows it: orval writes every text as JSON. */
const SEND = /```ts\n(.*?)```/s.exec(readFileSync('docs/clients.md', 'utf8'))?.[1] ?? '';

const BODIES = ['json', 'ndjson', 'form'] as const;

const PROGRAMS: Record<string, { generate: () => Promise<unknown>; program: string }> = {
  'openapi-typescript with openapi-fetch': {
    generate: () => runTool('openapi-typescript', ['openapi.json', '-o', 'schema.ts'], folder),
    program: `
import createClient from 'openapi-fetch';
import { authorization, file, followed, lines, url } from './follow';
import type { paths } from './schema';

const client = createClient<paths>({ baseUrl: url, headers: { Authorization: authorization } });
const created = ({ data, error }: { data?: { job_id: string }; error?: unknown }) => {
  if (data === undefined) throw new Error(JSON.stringify(error));
  const params = { path: { job_id: data.job_id } };
  return followed(async () => (await client.GET('/v1/background_jobs/{job_id}', { params })).data);
};
async function main() {
  const path = '/v1/users/bulk_identify';
  const json = await created(await client.POST(path, { body: { users: [{ user_id: 'json' }] } }));
  const headers = { 'Content-Type': 'application/x-ndjson' };
  const asItIs = (body: unknown) => body as string;
  const ndjson = await created(await client.POST(path, { body: lines, bodySerializer: asItIs, headers }));
  // A file is a string to these types; what is sent is said by the serializer.
  const form = await created(
    await client.POST(path, {
      body: { file: '' },
      bodySerializer: () => {
        const data = new FormData();
        data.set('file', file());
        return data;
      },
    }),
  );
  console.log(JSON.stringify([json, ndjson, form]));
}
void main();
`,
  },
  '@hey-api/openapi-ts': {
    generate: () =>
      forEachBody((body) =>
        runTool(
          'openapi-ts',
          ['-i', `${body}.json`, '-o', `hey-${body}`, '-c', '@hey-api/client-fetch'],
          folder,
        ),
      ),
    program: `
import { authorization, file, followed, lines, url } from './follow';
import * as form from './hey-form';
import * as json from './hey-json';
import * as ndjson from './hey-ndjson';
import { client as ofForm } from './hey-form/client.gen';
import { client as ofJson } from './hey-json/client.gen';
import { client as ofNdjson } from './hey-ndjson/client.gen';

for (const client of [ofForm, ofJson, ofNdjson]) {
  client.setConfig({ baseUrl: url, headers: { Authorization: authorization } });
}
const created = ({ data, error }: { data?: { job_id: string }; error?: unknown }) => {
  if (data === undefined) throw new Error(JSON.stringify(error));
  const path = { job_id: data.job_id };
  return followed(async () => (await json.readJob({ path })).data);
};
async function main() {
  const all = [
    await created(await json.importUsers({ body: { users: [{ user_id: 'json' }] } })),
    await created(await ndjson.importUsers({ body: lines, bodySerializer: null })),
    await created(await form.importUsers({ body: { file: file() } })),
  ];
  console.log(JSON.stringify(all));
}
void main();
`,
  },
  'orval, its client for fetch': {
    generate: () =>
      forEachBody(async (body) => {
        const output = {
          target: `./orval-${body}/muster.ts`,
          client: 'fetch',
          baseUrl: muster.url,
          override: body === 'ndjson' ? { mutator: { path: './send.ts', name: 'send' } } : {},
        };
        writeFileSync(path.join(folder, 'send.ts'), SEND);
        const config = { muster: { input: `./${body}.json`, output } };
        writeFileSync(path.join(folder, `${body}.config.js`), `module.exports = ${JSON.stringify(config)};`);
        return runTool('orval', ['--config', `${body}.config.js`], folder);
      }),
    program: `
import { authorization, file, followed, lines } from './follow';
import * as form from './orval-form/muster';
import * as json from './orval-json/muster';
import * as ndjson from './orval-ndjson/muster';

const options = { headers: { Authorization: authorization } };
const created = (answer: { data: unknown; status: number }) => {
  if (answer.status !== 202) throw new Error(JSON.stringify(answer.data));
  const { job_id: id } = answer.data as { job_id: string };
  return followed(async () => {
    const job = await json.readJob(id, undefined, options);
    return job.status === 200 ? job.data : undefined;
  });
};
async function main() {
  const all = [
    await created(await json.importUsers({ users: [{ user_id: 'json' }] }, undefined, options)),
    await created(await ndjson.importUsers(lines, undefined, options)),
    await created(await form.importUsers({ file: file() }, undefined, options)),
  ];
  console.log(JSON.stringify(all));
}
void main();
`,
  },
};

/** The generators know one body for each operation: a client is made for each. */
async function forEachBody(generate: (body: string) => Promise<Run>): Promise<Run> {
  const runs: Run[] = [];
  for (const body of BODIES) {
    const document = await (await fetch(`${muster.url}/openapi.json?body=${body}`)).text();
    writeFileSync(path.join(folder, `${body}.json`), document);
    runs.push(await generate(body));
  }
  return runs.find(({ code }) => code !== 0) ?? { code: 0, output: '' };
}

/** Runs a compiled program against the service. @returns what it printed */
async function runNode(program: string, key: string): Promise<string> {
  const env = { ...process.env, MUSTER_URL: muster.url, MUSTER_API_KEY: key };
  const { stdout } = await promisify(execFile)(process.execPath, [program], { env, timeout: RUN_TIMEOUT_MS });
  return stdout;
}

describe.each(Object.entries(PROGRAMS))('a client of %s', (name, { generate, program }) => {
  it(
    'compiles strictly, and imports rows in each form',
    async () => {
      const { key } = await muster.addEnvironment(name.replaceAll(/[^a-z]+/g, '-').replaceAll(/^-|-$/g, ''));
      expect(await generate()).toMatchObject({ code: 0 });
      const file = `program-${Object.keys(PROGRAMS).indexOf(name)}.ts`;
      writeFileSync(path.join(folder, 'follow.ts'), FOLLOW);
      writeFileSync(path.join(folder, file), program);
      const options = [
        '--strict',
        '--target',
        'es2022',
        '--module',
        'node16',
        '--moduleResolution',
        'node16',
      ];
      const types = [
        '--lib',
        'es2022,dom,dom.iterable',
        '--types',
        'node',
        '--typeRoots',
        TYPES,
        '--skipLibCheck',
      ];
      const compiled = await runTool(
        'tsc',
        [...options, ...types, '--outDir', 'out', '--rootDir', '.', file],
        folder,
      );
      expect(compiled).toEqual({ code: 0, output: '' });
      const run = await runNode(path.join(folder, 'out', file.replace('.ts', '.js')), key);
      expect(run.trim()).toBe('[1,2,1]');
    },
    2 * RUN_TIMEOUT_MS,
  );
});
