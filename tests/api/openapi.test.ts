/** The OpenAPI document: well-formed, and about exactly the routes that the API has. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Router } from 'express';
import { ERRORS } from '#errors';
import { type Muster, startMuster } from '../support/muster';
import {
  compile,
  document,
  faults,
  lineSchema,
  type MediaType,
  nodes,
  operations,
  resolve,
} from './openapi/document';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster({ workers: 0 });
});
afterAll(() => muster.close());

const name = (operation: { method: string; path: string }) => `${operation.method} ${operation.path}`;

function mediaTypes(): [string, MediaType][] {
  return operations.flatMap((operation) => {
    const contents = [operation.requestBody, ...Object.values(operation.responses)];
    return contents.flatMap((one) =>
      Object.entries(one?.content ?? {}).map(([type, media]): [string, MediaType] => [
        `${name(operation)} ${type}`,
        media,
      ]),
    );
  });
}

describe('the document', () => {
  it('is OpenAPI 3.1 with a title, the version of the package, and no server elsewhere', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(document.openapi).toBe('3.1.0');
    expect(document.info).toMatchObject({ title: 'Muster', version });
    expect(document.servers).toEqual([{ url: '/' }]);
  });

  it('has no reference that points at nothing', () => {
    const references = [...nodes(document)].filter((node) => typeof node.$ref === 'string');
    expect(references.length).toBeGreaterThan(100);
    for (const reference of references) expect(() => resolve(reference)).not.toThrow();
  });

  it('names its components as OpenAPI allows, and has those that clients are generated from', () => {
    for (const group of Object.values(document.components)) {
      for (const key of Object.keys(group)) expect(key).toMatch(/^[a-zA-Z0-9._-]+$/);
    }
    expect(Object.keys(document.components.schemas)).toEqual(
      expect.arrayContaining(
        'Job JobWarning JobError RowResult RowError User Company ErrorBody ErrorCode JobStatus Outcome'.split(
          ' ',
        ),
      ),
    );
    expect(document.components.schemas.ErrorCode?.enum).toEqual(Object.keys(ERRORS));
  });

  it.each(Object.entries(document.components.schemas))(
    'has a sound schema with sound examples: %s',
    (_, schema) => {
      expect(() => compile(schema)).not.toThrow();
      for (const example of (schema.examples ?? []) as unknown[]) expect(faults(schema, example)).toEqual([]);
    },
  );

  it('has sound schemas in all parameters, bodies and headers', () => {
    const headers = Object.values(document.components.headers ?? {});
    const schemas = [
      ...mediaTypes().map(([, { schema }]) => schema),
      ...operations.flatMap(({ parameters }) => parameters.map(({ schema }) => schema)),
      ...headers.map((header) => header.schema as Record<string, unknown>),
    ];
    for (const schema of schemas) if (schema !== undefined) expect(() => compile(schema)).not.toThrow();
  });

  it.each(mediaTypes())('has examples that its own schemas accept: %s', (type, media) => {
    const { example, examples } = media;
    const schema = lineSchema(media);
    if (schema === undefined || type.endsWith('text/csv')) return;
    const values = Object.values(examples ?? {}).map((one) => resolve(one).value);
    for (const value of example === undefined ? values : [...values, example]) {
      const each =
        typeof value === 'string'
          ? value
              .trimEnd()
              .split('\n')
              .map((line) => JSON.parse(line))
          : [value];
      for (const one of each) expect(faults(schema, one)).toEqual([]);
    }
  });
});

describe.each(operations.map((operation) => [name(operation), operation] as const))('%s', (_, operation) => {
  it('has all that an operation must have', () => {
    expect(operation.operationId).toMatch(/^[a-z_]+$/);
    expect(operations.filter((other) => other.operationId === operation.operationId)).toHaveLength(1);
    expect(operation.summary).toMatch(/\S/);
    expect(operation.description).toMatch(/\S/);
    expect(document.tags.map((tag) => tag.name)).toEqual(expect.arrayContaining(operation.tags));
    expect(operation.tags.length).toBeGreaterThan(0);
    expect(new Set(operation.tags).size).toBe(operation.tags.length);
    expect(Object.keys(operation.responses).length).toBeGreaterThan(0);
    for (const [status, reply] of Object.entries(operation.responses)) {
      expect(status).toMatch(/^[2-5]\d\d$/);
      expect(reply.description).toMatch(/\S/);
      expect(Object.keys(reply.headers ?? {})).toContain('X-Request-Id');
    }
  });

  it('declares the parameters of its path, and each parameter once', () => {
    const inPath = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
    const declared = operation.parameters.filter((parameter) => parameter.in === 'path');
    expect(declared.map((parameter) => parameter.name)).toEqual(inPath);
    expect(declared.every((parameter) => parameter.required === true)).toBe(true);
    const keys = operation.parameters.map((parameter) => `${parameter.in} ${parameter.name}`);
    expect(new Set(keys).size).toBe(keys.length);
    for (const parameter of operation.parameters) {
      if (parameter.in === 'query') expect(parameter.schema.description).toMatch(/\S/);
    }
  });

  it('asks for a key by schemes that exist, or says that it is open', () => {
    const schemes = (operation.security ?? document.security).flatMap((one) => Object.keys(one));
    expect(Object.keys(document.components.securitySchemes ?? {})).toEqual(expect.arrayContaining(schemes));
    expect('401' in operation.responses).toBe(schemes.length > 0);
  });
});

describe('the routes of the API', () => {
  interface Layer {
    route?: { path: string; methods: Record<string, boolean> };
    handle: { stack?: Layer[] };
    slash: boolean;
  }

  /** `METHOD path` of each, with `{}` for parameters. HEAD comes with GET, and `_all` is what answers 405. */
  function routesOf(stack: Layer[]): string[] {
    return stack.flatMap(({ route, handle, slash }) => {
      if (route !== undefined) {
        const methods = Object.keys(route.methods).filter((method) => method !== '_all');
        return methods.map((method) => `${method.toUpperCase()} ${route.path.replaceAll(/:\w+/g, '{}')}`);
      }
      if (handle.stack === undefined) return [];
      // A path that a router is mounted at cannot be read back: mount at the root, with whole paths in the routes.
      expect(slash).toBe(true);
      return routesOf(handle.stack);
    });
  }

  it('are those of the document, all of them and no other', () => {
    const actual = routesOf((muster.app.router as Router & { stack: Layer[] }).stack);
    const documented = operations.map((operation) => name(operation).replaceAll(/\{\w+\}/g, '{}'));
    expect(actual.length).toBeGreaterThan(15);
    expect([...actual].sort()).toEqual([...documented].sort());
  });
});
