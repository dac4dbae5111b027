/** The OpenAPI document, made from the schemas that validate requests and describe answers. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { OpenAPIRegistry, OpenApiGeneratorV31, type RouteConfig } from '@asteasolutions/zod-to-openapi';
import type { z } from 'zod';
import { GurubaseBody, GurubaseFailure, GurubaseMessage, GurubaseResults } from '#dialect/gurubase/schemas';
import { Identified, IdentifyBody, IdentifyCompanyBody } from '#dialect/userpilot/identify-schemas';
import {
  ErrorBody,
  ErrorCode,
  Job,
  JobError,
  JobStatus,
  JobWarning,
  RowErrorCode,
} from '#dialect/userpilot/schemas';
import { gurubaseRoutes } from '../dialects/gurubase/reference';
import { jeanRoutes } from '../dialects/jean/reference';
import {
  JeanContextBody,
  JeanDomain,
  JeanError,
  JeanSchema,
  JeanSchemaBody,
  JeanSimilar,
  JeanUser,
  JeanUserBody,
} from '../dialects/jean/reference-schemas';
import { identifyRoutes } from '../dialects/userpilot/reference';
import { commonResponses, HEADERS } from './answers';
import { dropUnused } from './drop-unused';
import { errorExamples } from './examples';
import { environmentRoutes } from './routes/environment';
import { importRoutes } from './routes/imports';
import { jobRoutes } from './routes/jobs';
import { openRoutes } from './routes/open';
import { profileRoutes } from './routes/profiles';
import { propertyRoutes } from './routes/properties';
import { webhookRoutes } from './routes/webhooks';
import {
  Company,
  CompanyRow,
  Deleted,
  Environment,
  Health,
  Outcome,
  Property,
  Ready,
  RowError,
  RowResult,
  User,
  UserRow,
} from './schemas';
import { NewSecret, Webhook, WebhookDelivery, WebhookEvent } from './schemas-of-webhooks';

const DESCRIPTION = `Self-hosted bulk user import, compatible on the wire with Userpilot's bulk_identify.

Every answer has an \`X-Request-Id\`. Errors are an \`ErrorBody\`, as \`application/problem+json\` when \`Accept\` asks for it;
[all codes](docs/errors). An unknown address is answered 404 \`not_found\`, a method that an address does not have
405 \`method_not_allowed\` with \`Allow\`. Where there is GET there is HEAD. Query parameters that an address does not have
are refused with 400. Everything is scoped to the environment of the key: what belongs to another one is not found.`;

const SECURITY_SCHEMES = {
  token: {
    type: 'apiKey',
    in: 'header',
    name: 'Authorization',
    description: 'As with Userpilot: the value is `Token KEY`, with the word Token.',
  },
  bearer: { type: 'http', scheme: 'bearer', description: 'The key alone; the word Bearer is added.' },
  api_key: { type: 'apiKey', in: 'header', name: 'x-api-key', description: 'The key alone.' },
} as const;

const TAGS = [
  { name: 'Imports', description: 'Sending users and companies in bulk.' },
  { name: 'Jobs', description: 'Following an import, its results, canceling and retrying it.' },
  { name: 'Users', description: 'Stored users.' },
  { name: 'Companies', description: 'Stored companies.' },
  { name: 'Properties', description: 'The metadata keys that users and companies have.' },
  { name: 'Userpilot', description: 'All that Userpilot documents and its clients call.' },
  { name: 'Gurubase', description: 'Gurubase’s profiles, over the same users.' },
  {
    name: 'Jean Technologies',
    description: 'Users of a domain from free text and typed fields, over the same users.',
  },
  { name: 'Webhooks', description: 'Being told how jobs end.' },
  { name: 'Environment', description: 'What a key opens.' },
  { name: 'Service', description: 'Health and this reference. Open without a key.' },
];

const SCHEMAS: readonly z.ZodType[] = [
  // What is made of others comes behind them: some generators write them in this order.
  ...[JobStatus, JobWarning, JobError, Job, ErrorCode, RowErrorCode, ErrorBody],
  ...[
    UserRow,
    CompanyRow,
    RowResult,
    RowError,
    Outcome,
    User,
    Company,
    Property,
    Environment,
    Deleted,
    Health,
    Ready,
  ],
  ...[IdentifyBody, IdentifyCompanyBody, Identified],
  ...[Webhook, NewSecret, WebhookDelivery, WebhookEvent],
  ...[GurubaseBody, GurubaseResults, GurubaseFailure, GurubaseMessage],
  ...[
    JeanUserBody,
    JeanContextBody,
    JeanUser,
    JeanSchemaBody,
    JeanSchema,
    JeanSimilar,
    JeanDomain,
    JeanError,
  ],
];

const ROUTES: readonly RouteConfig[] = [
  ...importRoutes,
  ...jobRoutes,
  ...profileRoutes,
  ...propertyRoutes,
  ...identifyRoutes,
  ...gurubaseRoutes,
  ...jeanRoutes,
  ...webhookRoutes,
  ...environmentRoutes,
  ...openRoutes,
];

/**
 * @param server where the API is: a URL, or a path on the host that the document comes from
 * @returns the OpenAPI 3.1 document as JSON values; a new object each time, always with the same content
 */
export function createDocument(server = '/'): object {
  const registry = new OpenAPIRegistry();
  for (const [name, scheme] of Object.entries(SECURITY_SCHEMES)) {
    registry.registerComponent('securitySchemes', name, scheme);
  }
  for (const [name, header] of Object.entries(HEADERS)) registry.registerComponent('headers', name, header);
  for (const [name, example] of Object.entries(errorExamples())) {
    registry.registerComponent('examples', name, example);
  }
  for (const [name, response] of Object.entries(commonResponses())) {
    registry.registerComponent('responses', name, response);
  }
  for (const route of ROUTES) registry.registerPath(route);
  const schemas = SCHEMAS.map((schema) => ({ type: 'schema' as const, schema }));
  const generator = new OpenApiGeneratorV31([...schemas, ...registry.definitions]);
  const document = generator.generateDocument({
    openapi: '3.1.0',
    info: {
      title: 'Muster',
      version: readVersion(),
      description: DESCRIPTION,
      contact: { name: 'The makers of Muster' },
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: server }],
    tags: TAGS,
    security: Object.keys(SECURITY_SCHEMES).map((name) => ({ [name]: [] })),
  });
  // Errors that no operation documents have an example without use.
  dropUnused(document);
  return document;
}

/** From package.json, which is above this file both in the sources and in the build. */
function readVersion(): string {
  let folder = __dirname;
  while (!existsSync(path.join(folder, 'package.json'))) folder = path.dirname(folder);
  const { version } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  return version as string;
}
