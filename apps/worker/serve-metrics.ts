/** /metrics and /healthz of a worker that runs as a process of its own. */
import { createServer } from 'node:http';
import { carriesToken, metricsWriter } from '#apps/write-metrics';
import type { Store } from '#store/client';

export interface ServeMetricsOptions {
  store: Store;
  host: string;
  port: number;
  /** Who may read the metrics; undefined = nobody. */
  token: string | undefined;
}

/** Listens. @returns the port, and what ends it. @throws Error when the address cannot be had */
export async function serveMetrics(
  options: ServeMetricsOptions,
): Promise<{ port: number; close(): Promise<void> }> {
  const { store, host, port, token } = options;
  const write = metricsWriter(store);
  const server = createServer(async (req, res) => {
    const answer = (status: number, type: string, text: string) =>
      res.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'private, no-store' }).end(text);
    const isRead = req.method === 'GET' || req.method === 'HEAD';
    if (isRead && req.url === '/healthz') return answer(200, 'application/json', '{"status":"up"}');
    if (!isRead || req.url !== '/metrics') return answer(404, 'text/plain', 'Not found.\n');
    if (!carriesToken(req.headers.authorization, token))
      return answer(401, 'text/plain', 'Send METRICS_TOKEN.\n');
    const { type, text } = await write();
    return answer(200, type, text);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
