/**
 * What must be true of every answer, whatever was asked: pure rules over bytes that came back. Each violation is one
 * sentence that begins with the name of its rule.
 */
import { ERRORS } from '#errors';
import { type Case, SMUGGLED_ID } from './cases/case';
import { CANARY } from './cases/generate';
import type { Answer } from './read-answers';
import type { Received } from './send';

const KEY = /mst_[A-Za-z0-9_-]{20,}/;
/** Sentences of parsers, of PostgreSQL and of stacks; the product's own never contain these. */
const PARSER_TEXT =
  /Unexpected (?:token|end|non-whitespace|number|string|field)|in JSON at position|is not valid JSON(?!\.)|Malformed part|Boundary not found|invalid input syntax|duplicate key value|violates |relation "|incorrect header check|MulterError|SyntaxError|\bat [^ ]+ \(|node_modules|\.js:\d+/;

/** What is answered to bytes that are no HTTP request, behind the answers to the requests before them. */
const OF_NO_REQUEST = ['invalid_request', 'request_timeout', 'headers_too_large', 'payload_too_large'];

/** Whether the answer may be one to bytes that are no request: it ends the connection. */
export function isOfNoRequest(answer: Answer): boolean {
  return answer.headers.connection === 'close' && OF_NO_REQUEST.includes(errorCodeOf(answer) ?? '');
}

/** The violations that can be seen in the answers alone. */
export function judgeAnswers(one: Case, received: Received): string[] {
  const { answers, rest, end } = received;
  const hasLeft = one.transmission.leave !== undefined;
  const found = answers.flatMap((answer) => judgeAnswer(answer));
  if (end === 'open' && !hasLeft) found.push('left open: neither closed nor of use within the limit');
  if (rest.length > 0 && !hasLeft) found.push('malformed answer: bytes that are no whole HTTP answer');
  if (answers.some(({ headers }) => headers['x-request-id'] === SMUGGLED_ID)) {
    found.push('smuggled: what stood in a body was answered as a request');
  }
  // The first one may have lost its version: node reads that as HTTP/0.9.
  const asked = Math.max(1, one.transmission.wire.toString('latin1').split('HTTP/').length - 1);
  if (answers.filter((answer) => !isOfNoRequest(answer)).length > asked) {
    found.push(`second answer: ${answers.length} answers to ${asked} requests`);
  }
  return hasLeft ? found : [...found, ...judgeStatuses(one, received)];
}

function judgeStatuses(one: Case, { answers, end, informational }: Received): string[] {
  const { statuses } = one;
  const found: string[] = [];
  const seen = answers.map(({ status }) => status);
  const isDue =
    statuses === undefined ||
    (statuses.length === seen.length && statuses.every((allowed, at) => allowed.includes(seen[at] ?? 0)));
  // Who hangs up while a client still writes may lose the answer on the way.
  const isLost = one.transmission.mayStarve && answers.length === 0 && end === 'closed';
  if (!isDue && !isLost) {
    found.push(`wrong status: ${seen.join(', ') || 'none'} where due ${JSON.stringify(statuses)}`);
  }
  if (one.informational !== undefined && one.informational !== informational) {
    found.push(`wrong 100 Continue: ${informational} where due ${one.informational}`);
  }
  const code = answers[0] && errorCodeOf(answers[0]);
  if (one.refusals !== undefined && code !== undefined && !one.refusals.some((refusal) => refusal === code)) {
    found.push(`wrong refusal: ${code} where due ${one.refusals.join(' or ') || 'none'}`);
  }
  return found;
}

/** Of an error body, undefined of any other. */
function errorCodeOf({ status, body }: Answer): string | undefined {
  if (status < 400) return undefined;
  return /"error_code":"([a-z_]+)"/.exec(body.toString())?.[1];
}

function judgeAnswer(answer: Answer): string[] {
  const { status, headers } = answer;
  const found: string[] = [];
  if (status >= 500) found.push(`server error: ${status}`);
  const text = withoutNames(answer.raw.toString());
  if (CANARY.test(text)) found.push('quoted: a value of a row is in an answer');
  if (KEY.test(text)) found.push('quoted: the API key is in an answer');
  if (PARSER_TEXT.test(text)) found.push("quoted: a parser's text is in an answer");
  if (!/^[A-Za-z0-9._-]{1,200}$/.test(headers['x-request-id'] ?? ''))
    found.push('no request id in an answer');
  if (status >= 400) found.push(...judgeErrorBody(answer));
  else if (status !== 200 && status !== 202) found.push(`unknown status: ${status}`);
  return found;
}

/** Names that a client gave may be shown to it: of the file, of keys that were ignored, of the host in links. */
function withoutNames(text: string): string {
  return text.replaceAll(/"(?:filename|path|links)":"(?:[^"\\]|\\.)*"/g, '');
}

function judgeErrorBody({ status, headers, body }: Answer): string[] {
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch {
    return [`no error body: ${status} without JSON`];
  }
  const { errors, ...members } = value as Record<string, unknown>;
  const [error] = Array.isArray(errors) ? (errors as Record<string, unknown>[]) : [];
  const code = String(error?.error_code);
  const [knownStatus, title, sentence] = Object.hasOwn(ERRORS, code)
    ? ERRORS[code as keyof typeof ERRORS]
    : [];
  const isAsDocumented =
    knownStatus === status &&
    error?.message === sentence &&
    members.status === status &&
    members.title === title &&
    members.type === `/docs/errors#${code}` &&
    members.request_id === headers['x-request-id'] &&
    /^application\/(?:problem\+)?json/.test(headers['content-type'] ?? '');
  return isAsDocumented ? [] : [`wrong error body: ${status} ${code}`];
}

/** What is wrong with a line of the product's log. */
export function judgeLogLine(line: string): string[] {
  const found: string[] = [];
  if (CANARY.test(line)) found.push('logged: a value of a row');
  if (KEY.test(line)) found.push('logged: an API key');
  if (/"level":[56]0/.test(line)) found.push('logged: an error, though nothing is at fault but a client');
  if (PARSER_TEXT.test(withoutStack(line))) found.push("logged: a parser's text");
  return found;
}

/** The places of a stack may be logged. */
function withoutStack(line: string): string {
  return line.replaceAll(/"stack":\[[^\]]*\]/g, '');
}
