/** Calls of Jean Technologies' wire, for tests. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Muster } from '../../support/muster';

export interface Answer {
  status: number;
  headers: Headers;
  body: ReturnType<typeof JSON.parse>;
  text: string;
}

export interface Call {
  key?: string;
  url?: string;
  type?: string;
}

/** Sends a JSON body, or a text as it is. */
export async function send(
  muster: Muster,
  method: string,
  address: string,
  body?: unknown,
  { key = muster.key, url = muster.url, type = 'application/json' }: Call = {},
): Promise<Answer> {
  const answer = await fetch(`${url}${address}`, {
    method,
    headers: { Authorization: `Bearer ${key}`, ...(body !== undefined && { 'Content-Type': type }) },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: JSON.parse(text), text };
}

/** An example schema as its file has it. */
export function exampleSchema(domain: 'dating' | 'hiring'): string {
  return readFileSync(path.resolve(__dirname, '../../../examples/schemas', `${domain}.json`), 'utf8');
}

/** Installs the example schemas. */
export async function putExamples(muster: Muster, call: Call = {}): Promise<void> {
  for (const domain of ['dating', 'hiring'] as const) {
    const { status, text } = await send(
      muster,
      'PUT',
      `/v1/schema?domain=${domain}`,
      exampleSchema(domain),
      call,
    );
    if (status !== 200) throw new Error(text);
  }
}
