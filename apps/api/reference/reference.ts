/** The reference, open without a key: /openapi.json, /docs as Swagger UI without any outside address, /docs/errors. */
import { Router } from 'express';
import { AppError } from '#errors';
import { methodNotAllowed } from '../method-not-allowed';
import { createDocument } from './document';
import { createErrorsPage } from './errors-page';
import { createDocsPage, readFile } from './files';
import { createPage, sendPage, servePage } from './page';

export function reference(): Router {
  const router = Router({ caseSensitive: true });
  const pages = {
    '/openapi.json': createPage('application/json', JSON.stringify(createDocument())),
    '/docs': createDocsPage(),
    '/docs/errors': createErrorsPage(),
  };
  for (const [path, page] of Object.entries(pages)) {
    router.route(path).get(servePage(page)).all(methodNotAllowed('GET, HEAD'));
  }
  router
    .route('/docs/:file')
    .get((req, res) => {
      const page = readFile(req.params.file);
      if (page === undefined) throw new AppError('not_found');
      sendPage(res, page);
    })
    .all(methodNotAllowed('GET, HEAD'));
  return router;
}
