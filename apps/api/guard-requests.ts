/** What is settled of every request before anybody looks at what it wants. */
import type { Request, RequestHandler } from 'express';
import { AppError } from '#errors';
import { isHost } from './context';
import { OpenAnswers } from './limit-at-once';

/** What may stand behind such a request is not to be believed either. */
const CLOSE = { headers: { Connection: 'close' } };

/**
 * Refuses a request with two Host headers, with none, or with one that is no host (RFC 9112, 3.2): a proxy may have believed
 * something else. Bounds the requests of a socket that are not answered yet: a client may send thousands without waiting
 * (pipelining).
 */
export function guardRequests(): RequestHandler {
  const perSocket = new OpenAnswers<Request['socket']>('requests_per_socket');
  return (req, res, next) => {
    const fault = hostFault(req);
    if (fault !== undefined) throw new AppError('invalid_request', { ...CLOSE, details: fault });
    perSocket.add(req.socket, res);
    next();
  };
}

/** What is wrong with the Host header; undefined when nothing is. HTTP/1.0 may do without one. */
function hostFault({ headersDistinct: { host: hosts = [] }, httpVersion }: Request): string | undefined {
  const [host] = hosts;
  if (hosts.length > 1) return 'The request has more than one Host header.';
  if (host === undefined) return httpVersion === '1.0' ? undefined : 'The request has no Host header.';
  return isHost(host) ? undefined : 'The Host header is no host name or address, with or without a port.';
}
