/**
 * One request to the API, sent again while that is safe and promising. An answer counts as soon as it has been read, so
 * that one which breaks off is asked for again too. Redirects are not followed: neither rows nor the key go elsewhere.
 */
import { MusterError, readError, unexpectedAnswer, unreachable } from '../errors';
import { isTransient, isWorthProbing, outlastsClaim, PROBE_MS, retryWaitMs, type Sleep } from './retry';

/** What the client needs of fetch. */
export type Fetch = (url: URL, init: RequestInit) => Promise<Response>;

/** Parameters of the query; those that are undefined are left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface ApiRequest {
  /** Default GET. */
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** From the root of the API, each part of it encoded. */
  path: string;
  query?: Query | URLSearchParams;
  headers?: Readonly<Record<string, string>>;
  /** Something that can be sent more than once. */
  body?: Blob | FormData | string;
  signal?: AbortSignal | undefined;
  /** A POST that does no more when it is sent twice. */
  isRepeatable?: boolean;
  /** Statuses that are read as well as the successes. */
  reads?: readonly number[];
}

/** The way to one API with one key. */
export interface Connection {
  /**
   * Sends the request and reads its answer.
   * @throws MusterError; the reason of the signal when that is aborted
   */
  request<T>(request: ApiRequest, read: (answer: Response) => Promise<T>): Promise<T>;
  /** What to throw when reading an answer failed: a MusterError, or the reason of an aborted signal. */
  faultOf(thrown: unknown, signal?: AbortSignal): unknown;
  /** Ends early when the call's or the client's signal is aborted. */
  sleep: Sleep;
  /** The same before a request is sent again, which the client's user is told. */
  waitToRetry(thrown: MusterError, ms: number, signal?: AbortSignal): Promise<void>;
  /** How often a request is sent again; 0 = never. */
  retries: number;
}

export interface ConnectionOptions {
  /** Where the API is; its path, if it has one, is put before every path. */
  url: URL;
  apiKey: string;
  fetch: Fetch;
  /** How often a request is sent again. */
  retries: number;
  /** Longest Retry-After that is waited for. */
  patienceSeconds: number;
  /** Told before each wait for a request that is sent again. */
  onRetry: ((error: MusterError, waitMs: number) => void) | undefined;
  signal: AbortSignal | undefined;
  userAgent: string | undefined;
  sleep: Sleep;
}

/** What a wait for a claim counts at least, so that a service that says "at once" is not asked without end. */
const LEAST_CLAIM_WAIT_MS = 1_000;

export function connect(options: ConnectionOptions): Connection {
  const base = { Authorization: `Token ${options.apiKey}`, Accept: 'application/json' };
  const headers = options.userAgent === undefined ? base : { ...base, 'User-Agent': options.userAgent };

  const send = async <T>(
    request: ApiRequest,
    signal: AbortSignal | undefined,
    read: (answer: Response) => Promise<T>,
  ) => {
    const { method = 'GET', body, reads = [] } = request;
    const url = addressOf(options.url, request);
    const init = {
      method,
      headers: new Headers({ ...headers, ...request.headers }),
      body,
      signal,
      redirect: 'manual',
      cache: 'no-store',
    } as const;
    try {
      const answer = await options.fetch(url, init);
      if (!answer.ok && !reads.includes(answer.status)) throw await readError(answer);
      return await read(answer);
    } catch (thrown) {
      throw faultOf(thrown, signal);
    }
  };

  const sleep: Sleep = (ms, signal) => options.sleep(ms, anyOf(options.signal, signal));
  const waitToRetry = async (thrown: MusterError, ms: number, signal?: AbortSignal) => {
    options.onRetry?.(thrown, ms);
    if (!isWorthProbing(thrown, ms)) return sleep(ms, signal);
    for (let leftMs = ms; leftMs > 0; leftMs -= PROBE_MS) {
      await sleep(Math.min(leftMs, PROBE_MS), signal);
      if (await isUp(anyOf(options.signal, signal))) return;
    }
  };
  const isUp = async (signal: AbortSignal | undefined) => {
    const init = {
      signal: anyOf(AbortSignal.timeout(PROBE_MS), signal),
      redirect: 'manual',
      cache: 'no-store',
    } as const;
    try {
      const answer = await options.fetch(addressOf(options.url, { path: '/healthz' }), init);
      await answer.body?.cancel();
      return answer.ok;
    } catch {
      signal?.throwIfAborted();
      return false;
    }
  };

  return {
    async request(request, read) {
      const signal = anyOf(options.signal, request.signal);
      let waitedForClaimMs = 0;
      for (let tries = 0; ; ) {
        signal?.throwIfAborted();
        try {
          return await send(request, signal, read);
        } catch (thrown) {
          if (options.retries === 0 || !isRepeatable(request) || !isTransient(thrown)) throw thrown;
          const isForClaim = outlastsClaim(thrown, waitedForClaimMs);
          if (tries >= options.retries && !isForClaim) throw thrown;
          const waitMs = retryWaitMs(thrown, tries, options.patienceSeconds);
          if (waitMs === undefined) throw thrown;
          if (isForClaim) waitedForClaimMs += Math.max(waitMs, LEAST_CLAIM_WAIT_MS);
          else tries++;
          await waitToRetry(thrown, waitMs, request.signal);
        }
      }
    },
    faultOf: (thrown, signal) => faultOf(thrown, anyOf(options.signal, signal)),
    sleep,
    waitToRetry,
    retries: options.retries,
  };
}

function faultOf(thrown: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return signal.reason;
  return thrown instanceof MusterError ? thrown : unreachable(thrown);
}

/** Reads an answer in JSON. */
export async function readJson<T>(answer: Response): Promise<T> {
  const text = await answer.text();
  try {
    return JSON.parse(text) as T;
  } catch {
    // Without the parser's error, which quotes the answer.
    throw unexpectedAnswer(answer, 'The answer is not JSON. Is this the address of the API?');
  }
}

/**
 * Text as one part of a path.
 * @throws TypeError for what no part of a path can be: nothing, and the dots that an address leaves out
 */
export function pathPart(text: string): string {
  if (!canBePathPart(text)) throw new TypeError(`"${text}" cannot be part of an address.`);
  return encodeURIComponent(text);
}

export function canBePathPart(text: string): boolean {
  return text !== '' && text !== '.' && text !== '..';
}

/** Whether sending it twice does no more than sending it once. */
function isRepeatable({ method = 'GET', headers = {}, isRepeatable: isSaidTo = false }: ApiRequest): boolean {
  return method !== 'POST' || isSaidTo || 'Idempotency-Key' in headers;
}

function addressOf(base: URL, { path, query = {} }: ApiRequest): URL {
  const url = new URL(base);
  url.pathname = base.pathname.replace(/\/+$/, '') + path;
  url.search = '';
  url.hash = '';
  const entries = query instanceof URLSearchParams ? query : Object.entries(query);
  for (const [name, value] of entries) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url;
}

function anyOf(one: AbortSignal | undefined, other: AbortSignal | undefined): AbortSignal | undefined {
  return one && other ? AbortSignal.any([one, other]) : (one ?? other);
}
