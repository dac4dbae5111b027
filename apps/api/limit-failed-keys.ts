/** Slows down who tries keys: so many failed ones a minute from one address. Keys that are right are never refused. */
import type { Request, Response } from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import { AppError } from '#errors';

const WINDOW_MS = 60_000;
const FAILED_KEYS = 300;

/** Counts a failed key. Rejects with AppError rate_limited when there were too many. */
export function limitFailedKeys(): (req: Request, res: Response) => Promise<void> {
  const limiter = rateLimit({
    windowMs: WINDOW_MS,
    limit: FAILED_KEYS,
    identifier: 'failed-keys',
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    // A client that has gone meanwhile has no address any more.
    keyGenerator: ({ ip }) => (ip === undefined ? 'gone' : ipKeyGenerator(ip)),
    // Its checks write to the console; which proxies are believed is the setting TRUST_PROXY.
    validate: false,
    handler: (_req, res, next) => {
      const seconds = Number(res.get('Retry-After')) || WINDOW_MS / 1000;
      next(new AppError('rate_limited', { retryAfterSeconds: seconds }));
    },
  });
  return (req, res) =>
    new Promise((resolve, reject) => {
      void limiter(req, res, (error?: unknown) => (error === undefined ? resolve() : reject(error)));
    });
}
