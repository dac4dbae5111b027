/** HTTP as a lean client sends it: Node's own client costs the least, and has no time limit that a long import would meet. */
import { type Agent, request } from 'node:http';

export interface LeanRequest {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  url: string;
  /** Keeps connections open, as many as it allows; a connection of its own when absent. */
  agent?: Agent;
  /** The whole header. */
  authorization?: string | undefined;
  /** Default `application/json`. */
  contentType?: string;
  /** In pieces when it need not be copied together. */
  body?: string | readonly Buffer[];
}

/** Sends it. Returns the body of the answer. @throws Error when the status is not 2xx */
export function sendRequest(options: LeanRequest): Promise<string> {
  const { method, url, agent, authorization, contentType = 'application/json', body = '' } = options;
  const pieces = typeof body === 'string' ? [Buffer.from(body)] : body;
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const headers: Record<string, string | number> = { 'Content-Length': length };
  if (length > 0) headers['Content-Type'] = contentType;
  if (authorization !== undefined) headers.Authorization = authorization;
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, agent: agent ?? false, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.once('error', reject);
      answer.once('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const { statusCode = 0 } = answer;
        if (statusCode >= 200 && statusCode < 300) resolve(text);
        else reject(new Error(`${method} ${new URL(url).pathname}: ${statusCode} ${text.slice(0, 300)}`));
      });
    });
    sent.once('error', reject);
    for (const piece of pieces) sent.write(piece);
    sent.end();
  });
}
