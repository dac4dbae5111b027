/** Users of domains from free text and typed fields, and the schemas of the domains (Jean Technologies' wire). */
import type {
  JeanContextBody,
  JeanDomain,
  JeanSchema,
  JeanSchemaBody,
  JeanSimilar,
  JeanUser,
  JeanUserBody,
} from './api';
import { type Connection, pathPart, readJson } from './http/request';
import type { CallOptions } from './jobs';

const JSON_TYPE = { 'Content-Type': 'application/json' };

export interface DomainUserOptions extends CallOptions {
  /** Adds where each value comes from. */
  explain?: boolean;
}

export interface SimilarOptions extends CallOptions {
  /** Default 10, at most 100. */
  limit?: number;
}

/** @throws MusterError */
export function upsertUser(
  connection: Connection,
  user: JeanUserBody,
  { signal }: CallOptions,
): Promise<JeanUser> {
  const body = JSON.stringify(user);
  return connection.request(
    // The same again changes nothing.
    { method: 'POST', path: '/v1/users', headers: JSON_TYPE, body, isRepeatable: true, signal },
    readJson<JeanUser>,
  );
}

/** @throws MusterError */
export function appendContext(
  connection: Connection,
  context: JeanContextBody,
  { signal }: CallOptions,
): Promise<JeanUser> {
  const body = JSON.stringify(context);
  return connection.request(
    // A text that is the newest one already is not added again.
    { method: 'POST', path: '/v1/context', headers: JSON_TYPE, body, isRepeatable: true, signal },
    readJson<JeanUser>,
  );
}

/** @throws MusterError, also user_not_found and domain_not_found; TypeError for an id that no path can carry */
export async function readDomainUser(
  connection: Connection,
  userId: string,
  domain: string,
  { explain, signal }: DomainUserOptions,
): Promise<JeanUser> {
  const path = `/v1/users/${pathPart(userId)}`;
  return connection.request({ path, query: { domain, explain }, signal }, readJson<JeanUser>);
}

/** @throws MusterError, also user_not_found and domain_not_found; TypeError for an id that no path can carry */
export async function listSimilarUsers(
  connection: Connection,
  userId: string,
  domain: string,
  { limit, signal }: SimilarOptions,
): Promise<JeanSimilar> {
  const path = `/v1/users/${pathPart(userId)}/similar`;
  return connection.request({ path, query: { domain, limit }, signal }, readJson<JeanSimilar>);
}

/** @throws MusterError; TypeError for an id that no path can carry */
export async function listDomainsOfUser(
  connection: Connection,
  userId: string,
  { signal }: CallOptions,
): Promise<JeanDomain[]> {
  const path = `/v1/users/${pathPart(userId)}/domains`;
  return connection.request({ path, signal }, readJson<JeanDomain[]>);
}

/** @throws MusterError, also domain_not_found */
export function readSchema(
  connection: Connection,
  domain: string,
  { signal }: CallOptions,
): Promise<JeanSchema> {
  return connection.request({ path: '/v1/schema', query: { domain }, signal }, readJson<JeanSchema>);
}

/** @throws MusterError, also invalid_request, whose message says where the schema is wrong */
export function putSchema(
  connection: Connection,
  domain: string,
  schema: JeanSchemaBody | string,
  { signal }: CallOptions,
): Promise<JeanSchema> {
  const body = typeof schema === 'string' ? schema : JSON.stringify(schema);
  return connection.request(
    { method: 'PUT', path: '/v1/schema', query: { domain }, headers: JSON_TYPE, body, signal },
    readJson<JeanSchema>,
  );
}
