/**
 * Sends one message to a webhook: signed (Standard Webhooks 1.0), to the address that was checked, for 5 s at most. Redirects
 * are not followed: they could lead anywhere.
 */
import http from 'node:http';
import https from 'node:https';
import { Webhook as Signer } from 'standardwebhooks';
import { checkedLookup, isAllowedHost, NotPublicError } from './check-target';

const TIMEOUT_MS = 5_000;
/** Of an answer that is read, and that is kept. */
const MAX_ANSWER_BYTES = 64 * 1024;
const KEPT_ANSWER_CHARACTERS = 1_000;
const USER_AGENT = 'Muster-Webhooks/1';

export interface Message {
  /** The same at each attempt. */
  id: string;
  url: string;
  body: string;
  /** The newest first; each makes a signature. */
  secrets: readonly Buffer[];
}

/** What became of an attempt. */
export interface Sent {
  isDelivered: boolean;
  /** Undefined when there was no answer. */
  status?: number;
  /** The beginning of the answer. */
  answer?: string;
  latencyMs: number;
  /** What the receiver asks for. */
  retryAfterMs?: number;
  /** Why there was no answer, in words of ours. */
  error?: string;
}

/** @param allowsPrivate whether every address may be sent to */
export async function sendMessage(message: Message, allowsPrivate: boolean, now = new Date()): Promise<Sent> {
  const startMs = performance.now();
  const latency = () => Math.round(performance.now() - startMs);
  try {
    const { status, text, retryAfter } = await post(message, allowsPrivate, now);
    const retryAfterMs = readRetryAfter(retryAfter, now);
    return {
      isDelivered: status >= 200 && status < 300,
      status,
      answer: text,
      latencyMs: latency(),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    };
  } catch (error) {
    return { isDelivered: false, latencyMs: latency(), error: explain(error as NodeJS.ErrnoException) };
  }
}

function headersOf({ id, body, secrets }: Message, now: Date): http.OutgoingHttpHeaders {
  const signatures = secrets.map((secret) => new Signer(secret.toString('base64')).sign(id, now, body));
  return {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'User-Agent': USER_AGENT,
    'webhook-id': id,
    'webhook-timestamp': Math.floor(now.getTime() / 1000),
    'webhook-signature': signatures.join(' '),
  };
}

function post(
  message: Message,
  allowsPrivate: boolean,
  now: Date,
): Promise<{ status: number; text: string; retryAfter: string | undefined }> {
  const url = new URL(message.url);
  const send = url.protocol === 'https:' ? https.request : http.request;
  return new Promise((resolve, reject) => {
    // Of a host that is an address nothing is looked up.
    if (!allowsPrivate && !isAllowedHost(url)) throw new NotPublicError();
    const request = send(url, {
      method: 'POST',
      agent: false,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: headersOf(message, now),
      ...(!allowsPrivate && { lookup: checkedLookup }),
    });
    request.on('error', reject).on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const finish = () => {
        const text = Buffer.concat(chunks).toString('utf8').replaceAll('\u0000', '\ufffd');
        resolve({
          status: response.statusCode ?? 0,
          text: text.slice(0, KEPT_ANSWER_CHARACTERS).toWellFormed(),
          retryAfter: response.headers['retry-after'],
        });
        response.destroy();
      };
      response.on('error', reject).on('end', finish);
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        // Enough is known; a receiver that goes on for ever is not listened to.
        if (bytes >= MAX_ANSWER_BYTES) finish();
      });
    });
    request.end(message.body);
  });
}

/** In seconds or as a date (RFC 9110, 10.2.3). */
function readRetryAfter(text: string | undefined, now: Date): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now.getTime());
}

const REASONS: Record<string, string> = {
  ABORT_ERR: 'no answer within 5 s',
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was cut',
  ENOTFOUND: 'the name of the host is not known',
  EAI_AGAIN: 'the name of the host cannot be looked up at the moment',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is not trusted',
  CERT_HAS_EXPIRED: 'the certificate has expired',
};

function explain(error: NodeJS.ErrnoException): string {
  const { code = '', name } = error;
  if (name === 'TimeoutError' || name === 'AbortError') return 'no answer within 5 s';
  if (error instanceof NotPublicError) return error.message;
  return (
    REASONS[code] ?? (/CERT|SSL|TLS/.test(code) ? 'the encrypted connection failed' : 'the request failed')
  );
}
