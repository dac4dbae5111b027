/** HTTP to a peer: Node's own client, which costs the least, and has no time limit that a long import would meet. */
import { type Agent, request } from 'node:http';

export interface PeerRequest {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  url: string;
  /** Keeps connections open, as many as it allows. */
  agent: Agent;
  token?: string | undefined;
  /** Default `application/json`. */
  contentType?: string;
  body?: string | Buffer;
}

/** Sends it. Returns the body of the answer. @throws Error when the status is not 2xx */
export function sendRequest(options: PeerRequest): Promise<string> {
  const { method, url, agent, token, contentType = 'application/json', body = '' } = options;
  const headers: Record<string, string | number> = { 'Content-Length': Buffer.byteLength(body) };
  if (body.length > 0) headers['Content-Type'] = contentType;
  if (token !== undefined) headers.Authorization = `Bearer ${token}`;
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, agent, headers }, (answer) => {
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
    sent.end(body);
  });
}
