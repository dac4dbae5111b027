/** What the client throws: every answer that is not a success, and every failure to get one, as a MusterError. */
import type { ErrorBody, ErrorCode, JeanError, RowErrorCode } from './api';
import { readRetryAfter } from './http/retry-after';

/**
 * The API's codes and two of the client's own: `unreachable`, there was no answer or it broke off; `unexpected_answer`,
 * there was one that the API never gives.
 */
export type MusterErrorCode = ErrorCode | RowErrorCode | 'unreachable' | 'unexpected_answer';

export interface MusterErrorFields {
  /** Of HTTP; 0 when there was no answer. */
  status: number;
  code: MusterErrorCode;
  /** The sentence of the code. */
  message: string;
  details?: string;
  requestId?: string;
  retryAfterSeconds?: number;
  cause?: unknown;
}

export class MusterError extends Error {
  /** Of HTTP; 0 when there was no answer. */
  readonly status: number;
  readonly code: MusterErrorCode;
  /** What the service says about this one case; may be empty. Part of the message too. */
  readonly details: string;
  /** Finds the request in the log of the service; undefined when it did not say. */
  readonly requestId: string | undefined;
  /** From Retry-After; undefined when the service did not say. */
  readonly retryAfterSeconds: number | undefined;

  constructor(fields: MusterErrorFields) {
    const { status, code, message, details = '', requestId, retryAfterSeconds, cause } = fields;
    super(details === '' ? message : `${message} ${details}`, cause === undefined ? undefined : { cause });
    this.name = 'MusterError';
    this.status = status;
    this.code = code;
    this.details = details;
    this.requestId = requestId;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** Whether it has one of these codes. */
  is<Code extends MusterErrorCode>(...codes: Code[]): this is this & { readonly code: Code } {
    return (codes as MusterErrorCode[]).includes(this.code);
  }
}

/** Whether something that was thrown is a MusterError; with codes: and has one of them. */
export function isMusterError<Code extends MusterErrorCode = MusterErrorCode>(
  thrown: unknown,
  ...codes: Code[]
): thrown is MusterError & { readonly code: Code } {
  return thrown instanceof MusterError && (codes.length === 0 || thrown.is(...codes));
}

/** No answer, or not all of it. */
export function unreachable(cause: unknown): MusterError {
  return new MusterError({
    status: 0,
    code: 'unreachable',
    message: 'The service cannot be reached, or the connection broke.',
    cause,
  });
}

/** An answer that is a success and yet nothing the API would say. */
export function unexpectedAnswer({ status }: Pick<Response, 'status'>, message: string): MusterError {
  return new MusterError({ status, code: 'unexpected_answer', message });
}

/** In `type` of the errors of a Muster, behind its address or alone, and of no other service. */
const MUSTER_TYPE = '/docs/errors#';

/** What a status means when the answer has no code of the API: a proxy's, or a plain Userpilot server's. */
const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  409: 'job_in_progress',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
  429: 'rate_limited',
  500: 'internal',
  502: 'unavailable',
  503: 'unavailable',
  504: 'unavailable',
};

/** Reads an answer that is not a success. Never throws: a body that cannot be read only says less. */
export async function readError(answer: Response): Promise<MusterError> {
  const { status, headers } = answer;
  if (answer.type === 'opaqueredirect' || (status >= 300 && status < 400)) {
    await answer.body?.cancel().catch(() => {});
    return unexpectedAnswer(answer, 'The service answered with a redirect. Use the address it leads to.');
  }
  const body = ((await answer.json().catch(() => null)) ?? {}) as Partial<ErrorBody>;
  const domainError = readDomainError(body);
  if (domainError !== undefined) {
    return new MusterError({
      status,
      ...domainError,
      requestId: headers.get('x-request-id') ?? undefined,
      retryAfterSeconds: readRetryAfter(headers),
    });
  }
  const first = Array.isArray(body.errors) ? body.errors[0] : undefined;
  const ours = typeof body.type === 'string' && body.type.includes(MUSTER_TYPE);
  return new MusterError({
    status,
    code: (ours ? first?.error_code : undefined) ?? CODE_OF_STATUS[status] ?? 'unexpected_answer',
    message: textOr(first?.message, `The service answered ${status}.`),
    details: textOr(first?.details, ''),
    requestId: textOr(body.request_id, headers.get('x-request-id') ?? '') || undefined,
    retryAfterSeconds: readRetryAfter(headers),
  });
}

/** Errors of calls about domains are one object, in Jean Technologies' words. */
function readDomainError(body: object): Pick<MusterErrorFields, 'code' | 'message'> | undefined {
  const { error } = body as { error?: Partial<JeanError['error']> | null };
  if (typeof error?.code !== 'string' || typeof error.message !== 'string') return undefined;
  return { code: error.code as MusterErrorCode, message: error.message };
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}
