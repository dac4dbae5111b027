/** Gives every request an id and one line in the log: its route and outcome, never its path, whose ids are personal data. */
import { randomUUID } from 'node:crypto';
import type { RequestHandler } from 'express';
import { pinoHttp } from 'pino-http';
import type { Logger } from '#logger';

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

/** Polling would fill the log. */
function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

export function logRequests(logger: Logger): RequestHandler {
  return pinoHttp<Parameters<RequestHandler>[0], Parameters<RequestHandler>[1]>({
    logger,
    quietReqLogger: true,
    quietResLogger: true,
    genReqId: (_req, res) => String(res.getHeader('X-Request-Id')),
    customAttributeKeys: { reqId: 'request_id', responseTime: 'duration_ms' },
    customProps: (req, res) => ({
      method: req.method,
      route: req.route?.path ?? null,
      status: res.statusCode,
    }),
    customLogLevel: (req, res) => (res.statusCode >= 500 ? 'error' : isRead(req.method) ? 'debug' : 'info'),
    customSuccessMessage: () => 'request',
    customErrorMessage: () => 'request',
    // The error itself is logged once, by answerError.
    serializers: { err: () => undefined, res: () => undefined },
  }) as RequestHandler;
}
