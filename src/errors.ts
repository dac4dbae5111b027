/**
 * Every error that Muster answers, as one table: code, status, title, public sentence.
 * A sentence never quotes a client's value, a parser's text or SQL. docs/errors.md is generated from this table.
 */

export const ERRORS = {
  invalid_json: [400, 'Bad Request', 'The body is not valid JSON.'],
  missing_users: [
    400,
    'Bad Request',
    'The body must be {"users": [...]}, an array of users, or a CSV with a column user_id.',
  ],
  missing_companies: [
    400,
    'Bad Request',
    'The body must be {"companies": [...]}, an array of companies, or a CSV with a column company_id.',
  ],
  empty_import: [400, 'Bad Request', 'The import has no rows.'],
  invalid_multipart: [400, 'Bad Request', 'The multipart body is broken or was cut off.'],
  file_missing: [400, 'Bad Request', 'The form has no file in the field "file".'],
  unexpected_field: [400, 'Bad Request', 'The form may have one part only: the file in the field "file".'],
  too_many_files: [400, 'Bad Request', 'There is more than one file.'],
  invalid_parameter: [
    400,
    'Bad Request',
    'A query parameter or path parameter has a value that is not allowed.',
  ],
  target_not_allowed: [400, 'Bad Request', 'The address may not be sent to.'],
  invalid_webhook: [400, 'Bad Request', 'The webhook has a field that is missing, unknown or wrong.'],
  row_refused: [400, 'Bad Request', 'The user or company breaks a rule of its fields, and was not stored.'],
  invalid_request: [400, 'Bad Request', 'The request cannot be read as HTTP for this endpoint.'],
  upload_aborted: [400, 'Bad Request', 'The upload ended before it was complete.'],
  unauthorized: [401, 'Unauthorized', 'The API key is missing, unknown or revoked.'],
  forbidden: [403, 'Forbidden', 'This API key may not do that.'],
  not_found: [404, 'Not Found', 'There is nothing at this address.'],
  job_not_found: [404, 'Not Found', 'There is no such job in this environment.'],
  environment_not_found: [404, 'Not Found', 'There is no such environment.'],
  webhook_not_found: [
    404,
    'Not Found',
    'There is no such webhook, or no such delivery of it, in this environment.',
  ],
  user_not_found: [404, 'Not Found', 'There is no such user in this environment.'],
  domain_not_found: [404, 'Not Found', 'There is no such domain in this environment.'],
  company_not_found: [404, 'Not Found', 'There is no such company in this environment.'],
  method_not_allowed: [405, 'Method Not Allowed', 'This address does not answer this method.'],
  request_timeout: [
    408,
    'Request Timeout',
    'The request did not arrive in time: its headers have 60 s, all of it has 5 minutes. Send less, or over a faster connection.',
  ],
  job_in_progress: [409, 'Conflict', 'Another import of this environment is not finished.'],
  job_finished: [409, 'Conflict', 'The job has ended already.'],
  job_not_finished: [409, 'Conflict', 'The job has not ended yet: only then can its rows be tried again.'],
  nothing_to_retry: [409, 'Conflict', 'The job has no failed or unprocessed rows.'],
  idempotency_key_in_flight: [
    409,
    'Conflict',
    'The first request with this Idempotency-Key is still being received.',
  ],
  payload_too_large: [413, 'Payload Too Large', 'The file or body is larger than this service accepts.'],
  too_many_rows: [413, 'Payload Too Large', 'The import has more rows than one request may have.'],
  unsupported_media_type: [
    415,
    'Unsupported Media Type',
    'Send application/json, application/x-ndjson, text/csv, a workbook (XLSX), or multipart/form-data with a file in the field "file".',
  ],
  idempotency_key_reused: [
    422,
    'Unprocessable Content',
    'This Idempotency-Key was used for another body or other parameters.',
  ],
  rate_limited: [429, 'Too Many Requests', 'Too many requests. Wait as long as Retry-After says.'],
  headers_too_large: [
    431,
    'Request Header Fields Too Large',
    'Request line and headers are larger than 16 KiB together. Send fewer or shorter ones.',
  ],
  not_supported: [
    501,
    'Not Implemented',
    'Muster stores users and companies, no events. Turn tracking off in the sender (in Segment: disable the mapping "Track Event"), or set TRACK=ignore on this service.',
  ],
  storage_full: [
    507,
    'Insufficient Storage',
    'The imports of this environment that are kept take all the space that they may take.',
  ],
  internal: [
    500,
    'Internal Server Error',
    'Something failed inside the service. The request id finds it in the log.',
  ],
  unavailable: [
    503,
    'Service Unavailable',
    'The database, or the disk that uploads wait on, cannot be used at the moment. Try again.',
  ],
} as const satisfies Record<string, readonly [status: number, title: string, sentence: string]>;

export type ErrorCode = keyof typeof ERRORS;

/** What an error may add to its line of the table. */
export interface ErrorExtras {
  /** More for the client, in words of our own. Never a client's value. */
  details?: string;
  /** The same for programs, where a dialect has a place for it. Never a client's value. */
  facts?: Readonly<Record<string, unknown>>;
  /** Whole seconds for the Retry-After header. */
  retryAfterSeconds?: number;
  /** Further response headers, such as Allow. */
  headers?: Record<string, string>;
  /** Of row_refused: each fault with its own code, where it is, and its public sentence. */
  rowErrors?: readonly RowFault[];
  /** What went wrong underneath; for logs only. */
  cause?: unknown;
}

/** A fault of one row, as a line of the table in src/job/outcome.ts. */
export interface RowFault {
  code: string;
  path: string;
  message: string;
}

/** An error with a line in the table. Anything else that is thrown is a fault of the service. */
export class AppError extends Error {
  readonly status: number;
  readonly title: string;
  readonly details: string;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds: number | undefined;
  readonly headers: Record<string, string>;
  readonly rowErrors: readonly RowFault[];

  constructor(
    readonly code: ErrorCode,
    extras: ErrorExtras = {},
  ) {
    const [status, title, sentence] = ERRORS[code];
    super(sentence, { cause: extras.cause });
    this.name = 'AppError';
    this.status = status;
    this.title = title;
    this.details = extras.details ?? '';
    this.facts = extras.facts ?? {};
    this.retryAfterSeconds = extras.retryAfterSeconds;
    this.headers = extras.headers ?? {};
    this.rowErrors = extras.rowErrors ?? [];
  }
}
