/** Every answer that the OpenAPI document promises is really given, and looks as it is documented. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { faults, lineSchema, type MediaType, operations, type Reply } from './document';
import { common, type Produce, REFUSALS } from './refusals';
import { SUCCESSES } from './successes';
import { createWorld, type World } from './world';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());

interface Promised {
  /** `METHOD path status`, with the error code behind it where there is one. */
  name: string;
  status: number;
  code?: string;
  reply: Reply;
  produce: Produce | undefined;
}

/** What the document promises. An error response promises each of its codes, which are the names of its examples. */
const promised: Promised[] = operations.flatMap((operation) =>
  Object.entries(operation.responses).flatMap(([statusText, reply]): Promised[] => {
    const name = `${operation.method} ${operation.path} ${statusText}`;
    const status = Number(statusText);
    const isError = reply.content?.['application/problem+json'] !== undefined;
    if (!isError) return [{ name, status, reply, produce: SUCCESSES[name] }];
    return Object.keys(reply.content?.['application/json']?.examples ?? {}).map((code) => ({
      name: `${name} ${code}`,
      status,
      code,
      reply,
      produce: REFUSALS[`${name} ${code}`] ?? common(operation, code),
    }));
  }),
);

/** Values of a body, each of which the schema is about. */
function readValues(type: string, text: string): unknown[] {
  if (type.endsWith('json') && type !== 'application/x-ndjson') return [JSON.parse(text)];
  if (type === 'application/x-ndjson')
    return text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  if (type !== 'text/event-stream') return [text];
  expect(text).toMatch(/^event: ?job$/m);
  return [...text.matchAll(/^data: ?(.*)$/gm)].map(([, data]) => JSON.parse(data ?? ''));
}

function expectBody(type: string, media: MediaType, text: string): void {
  const { example } = media;
  const schema = lineSchema(media);
  if (schema === undefined) return;
  const values = readValues(type, text);
  expect(values.length).toBeGreaterThan(0);
  for (const value of values) expect(faults(schema, value)).toEqual([]);
  // What the columns are called is all that a schema cannot say.
  if (type === 'text/csv') expect(text.split(/\r?\n/)[0]).toBe(String(example).split('\n')[0]);
}

/** Of a row that was refused the errors have codes of their own. */
function expectCode(code: string, body: { type: string; errors: { error_code: string }[] }): void {
  expect(body.type).toBe(`/docs/errors#${code}`);
  if (code !== 'row_refused') expect(body.errors[0]?.error_code).toBe(code);
}

describe('the document promises what is given:', () => {
  it.each(promised.map((one) => [one.name, one] as const))('%s', async (name, one) => {
    const { produce, reply, status, code } = one;
    if (produce === undefined)
      throw new Error(`Nothing brings forth ${name}: add it to refusals.ts or successes.ts.`);
    const content = Object.entries(reply.content ?? {});
    for (const [type, media] of content) {
      const answer = await produce(world, type);
      const text = await answer.text();
      const essence = answer.headers.get('content-type')?.split(';')[0];
      expect({ status: answer.status, type: essence, text }).toEqual({
        status,
        type,
        text: expect.any(String),
      });
      expect(answer.headers.get('x-request-id')).toMatch(/\S/);
      expectBody(type, media, text);
      if (code !== undefined) expectCode(code, JSON.parse(text));
    }
    if (content.length === 0) {
      const answer = await produce(world, '*/*');
      expect({ status: answer.status, length: (await answer.text()).length }).toEqual({ status, length: 0 });
    }
  });

  it('nothing is brought forth that is not promised', () => {
    const names = new Set(promised.map((one) => one.name));
    const unknown = [...Object.keys(SUCCESSES), ...Object.keys(REFUSALS)].filter((name) => !names.has(name));
    expect(unknown).toEqual([]);
  });
});
