/** What the key opens. */
import type { Environment } from './api';
import { type Connection, readJson } from './http/request';
import type { CallOptions } from './jobs';

/** @throws MusterError */
export function readEnvironment(connection: Connection, { signal }: CallOptions): Promise<Environment> {
  return connection.request({ path: '/v1/environment', signal }, readJson<Environment>);
}
