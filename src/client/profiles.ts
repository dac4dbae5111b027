/** Stored users and companies: one, all, and their erasure. */

import type { Company, User } from './api';
import { MusterError } from './errors';
import { NDJSON_TYPE, openStream, readRows } from './http/answer-stream';
import { type Connection, canBePathPart, pathPart, readJson } from './http/request';
import type { Collection } from './import-rows';
import type { CallOptions } from './jobs';

export interface CompaniesOptions extends CallOptions {
  /** Only companies whose id begins with this. */
  search?: string;
}

export interface UsersOptions extends CallOptions {
  /** Only users whose id begins with this, or whose `metadata.email` it is, in upper or lower case. */
  search?: string;
  /** Only users of this company. */
  companyId?: string;
}

export interface ProfilesNdjsonOptions extends UsersOptions {
  /** Only this user, if it is there. */
  userId?: string;
}

interface Profiles {
  users: User;
  companies: Company;
}

const ID_KEYS = { users: 'user_id', companies: 'company_id' } as const;
const NOT_FOUND = {
  users: ['user_not_found', 'There is no such user in this environment.'],
  companies: ['company_not_found', 'There is no such company in this environment.'],
} as const;

/** @throws MusterError, also user_not_found and company_not_found */
export async function readProfile<Name extends Collection>(
  connection: Connection,
  collection: Name,
  id: string,
  { signal }: CallOptions,
): Promise<Profiles[Name]> {
  const path = `/v1/${collection}`;
  if (canBePathPart(id)) {
    return connection.request({ path: `${path}/${pathPart(id)}`, signal }, readJson<Profiles[Name]>);
  }
  const query = { [ID_KEYS[collection]]: id };
  const [profile] = await connection.request({ path, query, signal }, readJson<Profiles[Name][]>);
  if (profile !== undefined) return profile;
  const [code, message] = NOT_FOUND[collection];
  throw new MusterError({ status: 404, code, message });
}

/** In the order of their ids. @throws MusterError */
export function listProfiles<Name extends Collection>(
  connection: Connection,
  collection: Name,
  { search, companyId, signal }: UsersOptions,
): AsyncGenerator<Profiles[Name], void, undefined> {
  return readRows(connection, {
    path: `/v1/${collection}`,
    query: { q: search, company_id: companyId },
    signal,
  });
}

/** The same as the service writes them. @throws MusterError */
export async function openProfilesNdjson(
  connection: Connection,
  collection: Collection,
  { search, userId, companyId, signal }: ProfilesNdjsonOptions,
): Promise<ReadableStream<Uint8Array>> {
  const query = { q: search, user_id: userId, company_id: companyId };
  const headers = { Accept: NDJSON_TYPE };
  return (await openStream(connection, { path: `/v1/${collection}`, query, headers, signal })).stream;
}

/** @returns how many were stored. @throws MusterError */
export async function eraseProfiles(
  connection: Connection,
  collection: Collection,
  ids: readonly string[],
  { signal }: CallOptions,
): Promise<number> {
  const { count } = await connection.request(
    {
      method: 'DELETE',
      path: `/v1/${collection}`,
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ [collection]: ids }),
      signal,
    },
    readJson<{ count: number }>,
  );
  return count;
}
