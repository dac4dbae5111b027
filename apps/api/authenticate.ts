/** API keys: `Authorization: Token KEY`, `Bearer KEY` (schemes in any case) or `x-api-key: KEY`. */
import type { Request, RequestHandler, Response } from 'express';
import { AppError } from '#errors';
import { findTenant, type Tenant } from '#store/api-keys';
import type { ApiDeps } from './context';
import { OpenAnswers } from './limit-at-once';
import { limitFailedKeys } from './limit-failed-keys';

const AUTHORIZATION = /^(?:token|bearer)[ \t]+(\S+)[ \t]*$/i;

/** Of everything behind a key: no cache may keep it. */
export const PRIVATE = 'private, no-store';

/** How long a caller is known without being looked up again, by handlers that prove the key themselves. */
const RECENT_MS = 5_000;
const MAX_RECENT = 1_000;

export interface Authentication {
  /**
   * Finds the caller's environment before anything of the body is read.
   * Fails with AppError unauthorized: the same answer for a missing, unknown and revoked key; rate_limited after many
   */
  readonly required: RequestHandler;
  /**
   * The same, but a caller who was found in the last seconds is taken as known. Only for a handler whose own query proves
   * that the key is not revoked, and which calls `prove` when it finds nothing.
   */
  readonly recent: RequestHandler;
  /** Looks the caller up after all. Rejects as `required` does. */
  prove(req: Request, res: Response): Promise<void>;
}

export function authentication({ store, settings }: ApiDeps): Authentication {
  const countFailedKey = limitFailedKeys();
  const perKey = new OpenAnswers<number>('requests_per_key');
  const found = new Map<string, { tenant: Tenant; atMs: number }>();

  const enter = (res: Response, tenant: Tenant) => {
    // Proved a second time, by a handler that takes recent callers.
    if (res.locals.caller === undefined) perKey.add(tenant.keyId, res);
    res.locals.caller = { ...tenant, usersPerMinute: tenant.usersPerMinute ?? settings.usersPerMinute };
  };
  const prove = async (req: Request, res: Response) => {
    res.set('Cache-Control', PRIVATE);
    const key = readKey(req);
    const tenant = key === undefined ? undefined : await findTenant(store.pool, key);
    if (key === undefined || tenant === undefined) {
      await countFailedKey(req, res);
      throw new AppError('unauthorized', { headers: { 'WWW-Authenticate': 'Token realm="muster"' } });
    }
    if (found.size >= MAX_RECENT) found.clear();
    found.set(key, { tenant, atMs: performance.now() });
    enter(res, tenant);
  };
  return {
    prove,
    async required(req, res, next) {
      await prove(req, res);
      next();
    },
    async recent(req, res, next) {
      res.set('Cache-Control', PRIVATE);
      const known = found.get(readKey(req) ?? '');
      if (known !== undefined && performance.now() - known.atMs < RECENT_MS) enter(res, known.tenant);
      else await prove(req, res);
      next();
    },
  };
}

function readKey(req: Request): string | undefined {
  const authorization = req.get('authorization');
  if (authorization !== undefined) return AUTHORIZATION.exec(authorization)?.[1];
  return req.get('x-api-key');
}
