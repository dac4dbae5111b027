/** The OpenAPI document has nothing that the usual linters object to, be it an error or a warning. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createDocument } from '#apps/api/reference/document';
import { DOCUMENT_PARAMETERS, withOneBody } from '#apps/api/reference/one-body';
import { INSTALL_TIMEOUT_MS } from '../support/install-folder';
import { installTools, RUN_TIMEOUT_MS, runTool } from './tools';

const folder = mkdtempSync(path.join(tmpdir(), 'muster-openapi-'));
const rules = path.join(folder, 'spectral.yaml');
/** The whole document, and those with one body. */
const files: string[] = [];

beforeAll(async () => {
  await installTools();
  writeFileSync(rules, 'extends: ["spectral:oas"]\n');
  const document = createDocument('https://muster.example');
  write('whole', document);
  for (const body of DOCUMENT_PARAMETERS.body.unwrap().options) write(body, withOneBody(document, body));
}, INSTALL_TIMEOUT_MS);
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, document: object): void {
  files.push(path.join(folder, `${name}.json`));
  writeFileSync(files.at(-1) ?? '', JSON.stringify(document));
}

it(
  'redocly lint with its recommended rules has no error and no warning about the document, whole or with one body',
  async () => {
    const args = ['lint', ...files, '--extends', 'recommended', '--format', 'json'];
    const { code, output } = await runTool('redocly', args);
    // One report for each file, one behind the other.
    const reports = output
      .slice(output.indexOf('{'), output.lastIndexOf('}') + 1)
      .replaceAll('\n}{', '\n},{');
    const problems = (JSON.parse(`[${reports}]`) as { problems: unknown[] }[]).map(
      (report) => report.problems,
    );
    expect({ code, problems }).toEqual({ code: 0, problems: files.map(() => []) });
  },
  RUN_TIMEOUT_MS,
);

it(
  'spectral lint with its rules for OpenAPI has no error, warning or hint about the document, whole or with one body',
  async () => {
    const args = ['lint', '--format', 'json', '--fail-severity', 'hint', '-r', rules, ...files];
    const { code, output } = await runTool('spectral', args);
    expect({ code, output: output.replace(/No results.*/, '').trim() }).toEqual({ code: 0, output: '[]' });
  },
  RUN_TIMEOUT_MS,
);
