/** API keys: `Authorization: Token KEY`, `Bearer KEY` (schemes in any case) or `x-api-key: KEY`. */
import type { Request, RequestHandler } from 'express';
import { AppError } from '#errors';
import { findTenant } from '#store/api-keys';
import type { ApiDeps } from './context';
import { limitFailedKeys } from './limit-failed-keys';

const AUTHORIZATION = /^(?:token|bearer)[ \t]+(\S+)[ \t]*$/i;

/**
 * Finds the caller's environment before anything of the body is read.
 * @throws AppError unauthorized: the same answer for a missing, unknown and revoked key; rate_limited after many
 */
export function authenticate({ store, settings }: ApiDeps): RequestHandler {
  const countFailedKey = limitFailedKeys();
  return async (req, res, next) => {
    const key = readKey(req);
    const tenant = key === undefined ? undefined : await findTenant(store.pool, key);
    if (tenant === undefined) {
      await countFailedKey(req, res);
      throw new AppError('unauthorized', { headers: { 'WWW-Authenticate': 'Token realm="muster"' } });
    }
    res.locals.caller = { ...tenant, usersPerMinute: tenant.usersPerMinute ?? settings.usersPerMinute };
    next();
  };
}

function readKey(req: Request): string | undefined {
  const authorization = req.get('authorization');
  if (authorization !== undefined) return AUTHORIZATION.exec(authorization)?.[1];
  return req.get('x-api-key');
}
