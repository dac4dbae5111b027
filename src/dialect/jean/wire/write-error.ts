/** Errors as Jean Technologies words them: one object with a code, a sentence and details. */
import type { AppError } from '#errors';

/** A request that cannot be served as it is has one code, and `details.reason` says more. */
const INVALID = 'invalid_request';

export function writeError(error: AppError): object {
  const isInvalid = error.status === 400;
  // What is wrong with the body is said by the details; the table's sentence is about HTTP.
  const onlyDetails = error.code === INVALID && error.details !== '';
  const message = onlyDetails ? error.details : [error.message, error.details].filter(Boolean).join(' ');
  const reason = isInvalid && error.code !== INVALID ? { reason: error.code } : {};
  return {
    error: { code: isInvalid ? INVALID : error.code, message, details: { ...reason, ...error.facts } },
  };
}
