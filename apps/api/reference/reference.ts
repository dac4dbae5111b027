/** The reference, open without a key: /openapi.json, /docs as Swagger UI without any outside address, /docs/errors. */
import path from 'node:path';
import { type RequestHandler, Router } from 'express';
import { AppError } from '#errors';
import { methodNotAllowed } from '../method-not-allowed';
import { readQuery } from '../parameters';
import { isPrefixForwarded, publicBaseOf } from '../public-address';
import { createDocument } from './document';
import { createErrorsPage } from './errors-page';
import { createDocsPage, readFile } from './files';
import { type BodyName, DOCUMENT_PARAMETERS, withOneBody } from './one-body';
import { createPage, type Page, sendPage, servePage } from './page';

/** The addresses in a page are relative: with a slash at the end of its own they would lead elsewhere. */
const withoutSlash: RequestHandler = (req, res, next) => {
  if (req.path.endsWith('/')) res.redirect(308, `../${path.basename(req.path)}`);
  else next();
};

/** Stands in the document where its server does. */
const SERVER = 'server:';

/** The document with this server. It is generated once, and the latest page of each body is kept: as a rule there is only one. */
function createDocuments(): (server: string, body: BodyName | undefined) => Page {
  const document = createDocument(SERVER);
  const latest = new Map<BodyName | undefined, { server: string; page: Page }>();
  return (server, body) => {
    const known = latest.get(body);
    if (known?.server === server) return known.page;
    const text = JSON.stringify(body === undefined ? document : withOneBody(document, body));
    const page = createPage(
      'application/json',
      text.replace(`"${SERVER}"`, () => JSON.stringify(server)),
    );
    latest.set(body, { server, page });
    return page;
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
      const { body } = readQuery(req, DOCUMENT_PARAMETERS);
      sendPage(res, documentFor(publicBaseOf(req) || '/', body));
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
