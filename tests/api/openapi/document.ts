/** The OpenAPI document as the tests look at it: its operations, its references, and validators of its schemas. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020';
import { createDocument } from '#apps/api/reference/document';

type Json = Record<string, unknown>;

export interface MediaType {
  schema?: Json;
  example?: unknown;
  examples?: Record<string, { value?: unknown; $ref?: string }>;
}

export interface Reply {
  description: string;
  headers?: Record<string, unknown>;
  content?: Record<string, MediaType>;
}

export interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  schema: Json;
}

export interface Operation {
  /** In capitals. */
  method: string;
  /** With `{name}` for parameters. */
  path: string;
  operationId: string;
  summary: string;
  description: string;
  tags: string[];
  security?: Record<string, string[]>[];
  parameters: Parameter[];
  requestBody?: { content: Record<string, MediaType> };
  /** By status, references resolved. */
  responses: Record<string, Reply>;
}

export interface OpenApi {
  openapi: string;
  info: { title: string; version: string };
  servers: { url: string }[];
  tags: { name: string }[];
  security: Record<string, string[]>[];
  paths: Record<string, Record<string, Json>>;
  components: Record<string, Record<string, Json>> & { schemas: Record<string, Json> };
}

/** As it is served: JSON and nothing else. */
export const document = JSON.parse(JSON.stringify(createDocument())) as OpenApi;

/** What a local reference points at. @throws Error when there is nothing */
export function resolve<Node>(node: Node): Node {
  const ref = (node as { $ref?: string } | undefined)?.$ref;
  if (ref === undefined) return node;
  let found: unknown = document;
  for (const name of ref.split('/').slice(1)) found = (found as Json | undefined)?.[name];
  if (!ref.startsWith('#/') || found === undefined) throw new Error(`${ref} points at nothing`);
  return found as Node;
}

export const operations: Operation[] = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => {
    const { parameters = [], responses } = operation as unknown as Operation;
    return {
      ...(operation as unknown as Operation),
      method: method.toUpperCase(),
      path,
      parameters: parameters.map(resolve),
      responses: Object.fromEntries(
        Object.entries(responses).map(([status, reply]) => [status, resolve(reply)]),
      ),
    };
  }),
);

/** Every object below the node, itself included. */
export function* nodes(node: unknown): Generator<Json> {
  if (typeof node !== 'object' || node === null) return;
  if (!Array.isArray(node)) yield node as Json;
  for (const child of Object.values(node)) yield* nodes(child);
}

const ajv = new Ajv2020({
  strict: true,
  allowUnionTypes: true,
  allErrors: true,
  formats: {
    'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
    uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
    uri: (text: string) => URL.canParse(text),
    binary: true,
  },
});

/** The schema with its references into $defs, and closed: a member that is not documented is an error. */
function forAjv(schema: unknown): Json {
  const text = JSON.stringify(schema).replaceAll('#/components/schemas/', 'components#/$defs/');
  const closed = JSON.parse(text) as Json;
  for (const node of nodes(closed)) {
    if (node.type === 'object' && typeof node.properties === 'object') node.additionalProperties ??= false;
  }
  return closed;
}

ajv.addSchema({ $id: 'components', $defs: forAjv(document.components.schemas) });

/** A validator of a schema of the document. @throws Error when the schema is not one in the strict sense */
export function compile(schema: Json): ValidateFunction {
  return ajv.compile(forAjv(schema));
}

/** The schema of a body, or of each of its lines. */
export function lineSchema({ schema }: MediaType): Json | undefined {
  return (schema?.contentSchema as Json | undefined) ?? schema;
}

/** What is wrong with a value; empty when nothing is. */
export function faults(schema: Json, value: unknown): string[] {
  const validate = compile(schema);
  return validate(value)
    ? []
    : (validate.errors ?? []).map(({ instancePath, message, params }) =>
        [instancePath, message, JSON.stringify(params)].join(' '),
      );
}
