/** The security headers of every answer, from helmet. Pages set policies of their own over them. */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { RequestHandler } from 'express';
import helmet, { type HelmetOptions } from 'helmet';

/** What is no page loads nothing and is shown nowhere. */
const HELMET: HelmetOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  },
};

/** helmet makes the same headers for every request, in a dozen handlers: they are made once. */
export function securityHeaders(): RequestHandler {
  const req = new IncomingMessage(new Socket());
  const res = new ServerResponse(req);
  helmet(HELMET)(req, res, () => undefined);
  const headers = Object.entries(res.getHeaders()).map(([name, value]) => [name, String(value)] as const);
  if (headers.length === 0) throw new Error('helmet made no headers');
  return (_req, res, next) => {
    for (const [name, value] of headers) res.setHeader(name, value);
    next();
  };
}
