/** The property catalogue. */
import type { Property } from './api';
import { readPages } from './http/read-pages';
import type { Connection } from './http/request';
import type { CallOptions } from './jobs';

export interface PropertiesOptions extends CallOptions {
  /** Default `user`. */
  entity?: 'user' | 'company';
}

const MAX_PAGE_PROPERTIES = 1_000;

/** In the order of their keys. @throws MusterError */
export function listProperties(
  connection: Connection,
  { entity, signal }: PropertiesOptions,
): AsyncGenerator<Property, void, undefined> {
  const request = { path: '/v1/properties', query: { entity }, signal };
  return readPages(connection, request, Number.POSITIVE_INFINITY, MAX_PAGE_PROPERTIES);
}
