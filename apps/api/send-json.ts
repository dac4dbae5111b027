/** Answers with JSON without Express's looks at settings, freshness and charset: for routes where each call counts. */
import type { Response } from 'express';

/** Ends the answer. Not for GET, which HEAD and If-None-Match belong to. */
export function sendJson(res: Response, status: number, value: object): void {
  const text = JSON.stringify(value);
  res.statusCode = status;
  res.setHeader('Content-Type', 'application/json; charset=utf-8');
  res.setHeader('Content-Length', Buffer.byteLength(text));
  res.end(text);
}
