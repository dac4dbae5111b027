/** Whether the service can work. */

import { type Connection, readJson } from './http/request';
import type { CallOptions } from './jobs';

export interface Health {
  status: 'ready' | 'not_ready';
  database: 'up' | 'down';
  queue: 'up' | 'down';
  queue_backend: string;
}

/** One that is not ready is an answer too, and so is asked once. @throws MusterError */
export function readHealth(connection: Connection, { signal }: CallOptions): Promise<Health> {
  return connection.request({ path: '/readyz', reads: [503], signal }, readJson<Health>);
}
