/** A small server that answers as a test says: another service of the wire, a proxy, or one that fails. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface SeenRequest {
  method: string;
  /** With its query. */
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** How to answer the n-th request, from 0. */
export type Answer = (res: ServerResponse, request: SeenRequest, n: number) => void;

export interface HttpServer {
  url: string;
  /** In the order of their ends. */
  requests: SeenRequest[];
  close(): Promise<void>;
}

/** Answers every request when its body has been read. */
export async function serve(answer: Answer): Promise<HttpServer> {
  const requests: SeenRequest[] = [];
  const server = createServer((req: IncomingMessage, res: ServerResponse) => {
    const read = async () => {
      const { method = '', url: path = '', headers } = req;
      const request = { method, path, headers, body: await buffer(req) };
      answer(res, request, requests.push(request) - 1);
    };
    read().catch(() => res.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Answers with JSON. */
export function json(res: ServerResponse, status: number, body: unknown, headers: object = {}): void {
  res.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** Answers as a Muster does that refuses. */
export function refuse(res: ServerResponse, status: number, code: string, headers: object = {}): void {
  const errors = [{ error_code: code, error: 'Title', message: 'The sentence.', details: 'The details.' }];
  json(res, status, { type: `/docs/errors#${code}`, status, request_id: 'request-1', errors }, headers);
}

/** The uploaded file of a form. */
export async function fileOf({ headers, body }: SeenRequest): Promise<File> {
  const answer = new Response(body, { headers: { 'Content-Type': headers['content-type'] ?? '' } });
  const form = await answer.formData();
  return form.get('file') as unknown as File;
}

/** A way to wait that only takes down for how long; in milliseconds. */
export function recordSleeps(): {
  slept: number[];
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
} {
  const slept: number[] = [];
  return {
    slept,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      slept.push(ms);
    },
  };
}

/** A job as any server of the wire shows it, as far as the client looks at it. */
export function makeJob(fields: object = {}) {
  return { job_id: 'j1', status: 'processing', completed_rows: 0, total_rows: 10, end_time: null, ...fields };
}
