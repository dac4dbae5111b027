/** Error bodies: Userpilot's `errors` list and the members of RFC 9457 (problem details) in one object. */
import type { AppError } from '#errors';

export function writeError(error: AppError, requestId: string): object {
  return {
    type: `/docs/errors#${error.code}`,
    title: error.title,
    status: error.status,
    detail: error.details === '' ? error.message : `${error.message} ${error.details}`,
    request_id: requestId,
    errors: [{ error_code: error.code, error: error.title, message: error.message, details: error.details }],
  };
}
