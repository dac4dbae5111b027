/** The reference, open without a key: /openapi.json, /docs as Swagger UI without any outside address, /docs/errors. */
import path from 'node:path';
import { type RequestHandler, Router } from 'express';
import { AppError } from '#errors';
import { methodNotAllowed } from '../method-not-allowed';
import { isPrefixForwarded, publicBaseOf } from '../public-address';
import { createDocument } from './document';
import { createErrorsPage } from './errors-page';
import { createDocsPage, readFile } from './files';
import { createPage, type Page, sendPage, servePage } from './page';

/** The addresses in a page are relative: with a slash at the end of its own they would lead elsewhere. */
const withoutSlash: RequestHandler = (req, res, next) => {
  if (req.path.endsWith('/')) res.redirect(308, `../${path.basename(req.path)}`);
  else next();
};

/** Stands in the document where its server does. */
const SERVER = 'server:';

/** The document with this server. It is generated once, and the latest page is kept: as a rule there is only one. */
function createDocuments(): (server: string) => Page {
  const text = JSON.stringify(createDocument(SERVER));
  let latest: { server: string; page: Page } | undefined;
  return (server) => {
    if (latest?.server !== server) {
      const page = createPage(
        'application/json',
        text.replace(`"${SERVER}"`, () => JSON.stringify(server)),
      );
      latest = { server, page };
    }
    return latest.page;
  };
}

export function reference(): Router {
  const router = Router({ caseSensitive: true });
  const documentFor = createDocuments();
  const pages = {
    '/docs': createDocsPage(),
    '/docs/errors': createErrorsPage(),
  };
  router
    .route('/openapi.json')
    .get((req, res) => {
      if (isPrefixForwarded(req)) res.vary('X-Forwarded-Prefix');
      sendPage(res, documentFor(publicBaseOf(req) || '/'));
    })
    .all(methodNotAllowed('GET, HEAD'));
  for (const [address, page] of Object.entries(pages)) {
    router.route(address).get(withoutSlash, servePage(page)).all(methodNotAllowed('GET, HEAD'));
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
