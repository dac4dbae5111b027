/** Turns whatever was thrown into an answer of the errors table. The last handler; nothing else writes an error. */
import type { ErrorRequestHandler, Request } from 'express';
import type { ErrorDialect } from '#dialect/dialect';
import { AppError } from '#errors';
import type { Logger } from '#logger';
import { countRefused } from '#metrics';
import { isOfNoEnvironment, isUnavailable } from '#store/faults';
import { environmentGone } from '#store/open-environment';
import { requestIdOf } from './context';

const UNAVAILABLE_RETRY_SECONDS = 5;

export function answerError(dialect: ErrorDialect, logger: Logger): ErrorRequestHandler {
  return (thrown, req, res, _next) => {
    const error = toAppError(thrown, req);
    const requestId = requestIdOf(res);
    countRefused(error.code);
    if (error.status >= 500) logger.error({ err: thrown, request_id: requestId }, 'request failed');
    // The client has gone, or the answer is on its way: nothing more can be said.
    if (res.headersSent || req.socket.destroyed) {
      res.destroy();
      return;
    }
    res.status(error.status).set(error.headers);
    if (error.retryAfterSeconds !== undefined) res.set('Retry-After', String(error.retryAfterSeconds));
    const problem =
      req.accepts(['application/json', 'application/problem+json']) === 'application/problem+json';
    res.type(problem ? 'application/problem+json' : 'application/json');
    res.send(JSON.stringify(dialect.writeError(error, requestId)));
  };
}

function toAppError(thrown: unknown, req: Request): AppError {
  if (thrown instanceof AppError) return thrown;
  // The client has gone: whatever that broke here is no fault of the service.
  if (req.destroyed && !req.readableEnded) return new AppError('upload_aborted', { cause: thrown });
  if (isUnavailable(thrown)) {
    return new AppError('unavailable', { retryAfterSeconds: UNAVAILABLE_RETRY_SECONDS, cause: thrown });
  }
  // It was deleted while the request was on its way.
  if (isOfNoEnvironment(thrown)) return environmentGone();
  // Express's own refusals, such as a path that cannot be decoded, carry a status; their texts quote the request.
  const { status } = thrown as { status?: unknown };
  if (typeof status === 'number' && status >= 400 && status < 500) return new AppError('invalid_request');
  return new AppError('internal', { cause: thrown });
}
