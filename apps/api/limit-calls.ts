/** Limits the single calls of a key in a minute, as vendors do. All API processes count together. */
import type { RequestHandler } from 'express';
import { rateLimit } from 'express-rate-limit';
import { AppError } from '#errors';
import type { Queryable } from '#store/client';
import { CallCounter } from './call-counter';
import { callerOf } from './context';

const WINDOW_MS = 60_000;

/**
 * A handler for routes behind authentication; answers carry RateLimit and RateLimit-Policy (draft 8 of the IETF).
 * Fails with AppError rate_limited.
 * @param perMinute calls of a key; 0 = no limit
 */
export function limitCalls(db: Queryable, perMinute: number): RequestHandler {
  if (perMinute === 0) return (_req, _res, next) => next();
  return rateLimit({
    windowMs: WINDOW_MS,
    limit: perMinute,
    identifier: 'calls',
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    keyGenerator: (_req, res) => String(callerOf(res).keyId),
    // Its checks write to the console.
    validate: false,
    store: new CallCounter(db, perMinute),
    handler: (_req, res, next) => {
      const seconds = Number(res.get('Retry-After')) || WINDOW_MS / 1000;
      next(new AppError('rate_limited', { retryAfterSeconds: seconds }));
    },
  });
}
