/** The OpenAPI document has nothing that the usual linters object to, be it an error or a warning. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createDocument } from '#apps/api/reference/document';
import { INSTALL_TIMEOUT_MS } from '../support/install-folder';
import { installTools, RUN_TIMEOUT_MS, runTool } from './tools';

const folder = mkdtempSync(path.join(tmpdir(), 'muster-openapi-'));
const file = path.join(folder, 'openapi.json');

beforeAll(async () => {
  await installTools();
  writeFileSync(file, JSON.stringify(createDocument('https://muster.example')));
  writeFileSync(path.join(folder, 'spectral.yaml'), 'extends: ["spectral:oas"]\n');
}, INSTALL_TIMEOUT_MS);
afterAll(() => rmSync(folder, { recursive: true }));

it(
  'redocly lint, with its recommended rules',
  async () => {
    const { code, output } = await runTool('redocly', [
      'lint',
      file,
      '--extends',
      'recommended',
      '--format',
      'json',
    ]);
    const { problems } = JSON.parse(output.slice(output.indexOf('{'), output.lastIndexOf('}') + 1));
    expect({ code, problems }).toEqual({ code: 0, problems: [] });
  },
  RUN_TIMEOUT_MS,
);

it(
  'spectral lint, with its rules for OpenAPI',
  async () => {
    const rules = path.join(folder, 'spectral.yaml');
    const args = ['lint', '--format', 'json', '--fail-severity', 'hint', '-r', rules, file];
    const { code, output } = await runTool('spectral', args);
    expect({ code, output: output.replace(/No results.*/, '').trim() }).toEqual({ code: 0, output: '[]' });
  },
  RUN_TIMEOUT_MS,
);
