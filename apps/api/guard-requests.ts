/** What is settled of every request before anybody looks at what it wants. */
import type { Request, RequestHandler } from 'express';
import { AppError } from '#errors';
import { OpenAnswers } from './limit-at-once';

/**
 * Refuses a request with two Host headers (RFC 9112, 3.2): a proxy may have believed the other one. Bounds the requests of a
 * socket that are not answered yet: a client may send thousands without waiting (pipelining).
 */
export function guardRequests(): RequestHandler {
  const perSocket = new OpenAnswers<Request['socket']>('requests_per_socket');
  return (req, res, next) => {
    if ((req.headersDistinct.host?.length ?? 0) > 1) throw new AppError('invalid_request');
    perSocket.add(req.socket, res);
    next();
  };
}
