/** For addresses that name an environment by its slug: it has to be the one of the key. */
import type { Response } from 'express';
import { AppError } from '#errors';
import { findEnvironmentId } from '#store/api-keys';
import { type ApiDeps, callerOf } from './context';

/** Of the characters that a slug may have, and short: an answer may repeat it. */
const SHOWN_SLUG = /^[A-Za-z0-9_-]{1,64}$/;

/** @throws AppError forbidden when it is another environment's; environment_not_found, with the slug as its details */
export async function requireEnvironment({ store }: ApiDeps, res: Response, slug: string): Promise<void> {
  if (slug === callerOf(res).slug) return;
  if ((await findEnvironmentId(store, slug)) !== undefined) throw new AppError('forbidden');
  throw new AppError('environment_not_found', SHOWN_SLUG.test(slug) ? { details: slug } : {});
}
