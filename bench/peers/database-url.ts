/** Where the service's PostgreSQL is, for peers that connect by themselves. */
import pg from 'pg';
import type { Service } from '../service';

/** With user and password: not for logs. @throws Error when the service looks into its database by other means than a pool */
export function databaseUrl({ database }: Service): string {
  const url = database instanceof pg.Pool ? database.options.connectionString : undefined;
  if (url === undefined) throw new Error('The service does not say where its database is.');
  return url;
}
