/** A POST whose body goes out byte for byte. */
import type { Test } from 'supertest';
import type { Muster } from '../../support/muster';

/** By default to the users' bulk_identify, as JSON, with the key of the environment `default`. */
export function postBody(
  muster: Muster,
  body: string | Buffer,
  headers: Record<string, string> = {},
  path = '/v1/users/bulk_identify',
  key = muster.key,
): Test {
  return muster
    .post(path, key)
    .set({ 'Content-Type': 'application/json', ...headers })
    .serialize((bytes) => bytes)
    .send(Buffer.from(body));
}
