/** Serves a yardstick's application on a free port, tells the bench the port, and ends when asked or left alone. */
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';

export function serve(app: Express): void {
  const server = app.listen(0, '127.0.0.1', () => {
    process.send?.((server.address() as AddressInfo).port);
  });
  // In order, so that a CPU profile is written.
  const end = () => process.exit(0);
  process.once('SIGTERM', end).once('disconnect', end);
}
