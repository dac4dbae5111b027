/** The last handler of every path: the path exists, the method does not. */
import type { RequestHandler } from 'express';
import { AppError } from '#errors';

/** @param allow the methods that the path has, for the Allow header */
export function methodNotAllowed(allow: string): RequestHandler {
  return () => {
    throw new AppError('method_not_allowed', { headers: { Allow: allow } });
  };
}
