/** A text or file that is served from memory as it is, with an ETag. */
import { createHash } from 'node:crypto';
import type { RequestHandler, Response } from 'express';
import { matches } from '../jobs/find-job';

export interface Page {
  /** Media type without parameters. */
  readonly type: string;
  readonly body: Buffer;
  readonly etag: string;
}

/** Long enough for a visit, short enough to be gone soon after an upgrade. */
const MAX_AGE_SECONDS = 60;

/** Everything from here, nothing from elsewhere. Swagger UI sets style attributes. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "form-action 'none'",
].join('; ');

export function createPage(type: string, content: string | Buffer): Page {
  const body = Buffer.from(content);
  const digest = createHash('sha256').update(body).digest('base64url');
  return { type, body, etag: `"${digest}"` };
}

/** Answers with the page, or with 304 when If-None-Match names it. */
export function sendPage(res: Response, page: Page): void {
  res.set({
    'Content-Security-Policy': CONTENT_SECURITY_POLICY,
    'Cache-Control': `public, max-age=${MAX_AGE_SECONDS}`,
    ETag: page.etag,
  });
  if (matches(res.req.get('if-none-match'), page.etag)) {
    res.status(304).end();
    return;
  }
  res.type(page.type).send(page.body);
}

export function servePage(page: Page): RequestHandler {
  return (_req, res) => sendPage(res, page);
}
