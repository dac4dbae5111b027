/** Error bodies: Userpilot's `errors` list and the members of RFC 9457 (problem details) in one object. */
import type { AppError } from '#errors';

export function writeError(error: AppError, requestId: string, base = ''): object {
  return {
    type: `${base}/docs/errors#${error.code}`,
    title: error.title,
    status: error.status,
    detail: error.details === '' ? error.message : `${error.message} ${error.details}`,
    request_id: requestId,
    errors: listErrors(error),
  };
}

/** One error as a rule; of a row that was refused one for each fault, with the fault's own code and its place as details. */
function listErrors(error: AppError): object[] {
  if (error.rowErrors.length > 0) {
    return error.rowErrors.map(({ code, path, message }) => ({
      error_code: code,
      error: error.title,
      message,
      details: path,
    }));
  }
  return [{ error_code: error.code, error: error.title, message: error.message, details: error.details }];
}
