/** Gives every request an id and one line in the log: its route and outcome, never its path, whose ids are personal data. */
import { randomUUID } from 'node:crypto';
import type { RequestHandler } from 'express';
import type { Logger } from '#logger';
import { observeRequest } from '#metrics';

const REQUEST_ID = /^[A-Za-z0-9._-]{1,200}$/;

/** Takes X-Request-Id over when it is a plain token, else makes one; echoes it on the answer. */
export function assignRequestId(): RequestHandler {
  return (req, res, next) => {
    const given = req.get('x-request-id') ?? '';
    const requestId = REQUEST_ID.test(given) ? given : randomUUID();
    res.locals.requestId = requestId;
    res.set('X-Request-Id', requestId);
    next();
  };
}

/** One line for each request when its answer is out, or its client has gone before. */
export function logRequests(logger: Logger): RequestHandler {
  return (req, res, next) => {
    const level = isRead(req.method) ? 'debug' : 'info';
    const isLogged = logger.isLevelEnabled(level);
    const begunMs = performance.now();
    res.once('close', () => {
      observeRequest(req.route?.path ?? null, res.statusCode, (performance.now() - begunMs) / 1000);
      const isFailure = res.statusCode >= 500;
      if (!isLogged && !isFailure) return;
      const fields = {
        request_id: res.locals.requestId,
        method: req.method,
        route: req.route?.path ?? null,
        status: res.statusCode,
        duration_ms: Math.round(performance.now() - begunMs),
        ...(!res.writableFinished && { aborted: true }),
      };
      if (isFailure) logger.error(fields, 'request');
      else logger[level](fields, 'request');
    });
    next();
  };
}

/** Polling would fill the log. */
function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}
