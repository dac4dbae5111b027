/** /healthz: the process is up. /readyz: the database and the queue, one by one. Open without a key. */
import { Router } from 'express';
import type { ApiDeps } from './context';
import { methodNotAllowed } from './method-not-allowed';

const CHECK_TIMEOUT_MS = 2_000;

export function health({ store, queue }: ApiDeps): Router {
  const router = Router({ caseSensitive: true });
  router
    .route('/healthz')
    .get((_req, res) => {
      res.json({ status: 'up' });
    })
    .all(methodNotAllowed('GET, HEAD'));
  router
    .route('/readyz')
    .get(async (_req, res) => {
      const [database, delivery] = await Promise.all([
        check(store.pool.query('SELECT 1')),
        check(queue.ping()),
      ]);
      const ready = database === 'up' && delivery === 'up';
      res.status(ready ? 200 : 503).json({
        status: ready ? 'ready' : 'not_ready',
        database,
        queue: delivery,
        queue_backend: queue.backend,
        ...(queue.foreignInstallations > 0 && { foreign_installations: queue.foreignInstallations }),
      });
    })
    .all(methodNotAllowed('GET, HEAD'));
  return router;
}

async function check(answer: Promise<unknown>): Promise<'up' | 'down'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'down'>((resolve) => {
    timer = setTimeout(resolve, CHECK_TIMEOUT_MS, 'down');
  });
  const up = answer.then(
    () => 'up' as const,
    () => 'down' as const,
  );
  return Promise.race([up, late]).finally(() => clearTimeout(timer));
}
