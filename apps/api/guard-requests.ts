/** What is settled of every request before anybody looks at what it wants. */
import type { Request, RequestHandler } from 'express';
import { AppError } from '#errors';
import { OpenAnswers } from './limit-at-once';

/** What may stand behind such a request is not to be believed either. */
const CLOSE = { headers: { Connection: 'close' } };

/**
 * Refuses a request with two Host headers (RFC 9112, 3.2), of which a proxy may have believed the other one, and one of
 * HTTP/1.1 without any. Bounds the requests of a
 * socket that are not answered yet: a client may send thousands without waiting (pipelining).
 */
export function guardRequests(): RequestHandler {
  const perSocket = new OpenAnswers<Request['socket']>('requests_per_socket');
  return (req, res, next) => {
    const hosts = req.headersDistinct.host?.length ?? 0;
    if (hosts > 1 || (hosts === 0 && req.httpVersion === '1.1')) throw new AppError('invalid_request', CLOSE);
    perSocket.add(req.socket, res);
    next();
  };
}
