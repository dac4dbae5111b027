/** What the page /docs is made of: Swagger UI, served by us, and what starts it. Nothing of it asks another host. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createPage, type Page } from './page';

const SWAGGER_UI = path.dirname(require.resolve('swagger-ui-dist/package.json'));

/**
 * No inline script: the Content-Security-Policy forbids them. `validatorUrl` null: no badge of a service elsewhere.
 * Its own address says where the document is, whatever path a proxy has put in front.
 */
const INITIALIZER = `window.ui = SwaggerUIBundle({
  url: new URL('../openapi.json', document.currentScript.src).href,
  dom_id: '#swagger-ui',
  presets: [SwaggerUIBundle.presets.apis],
  layout: 'BaseLayout',
  deepLinking: true,
  validatorUrl: null,
});
`;

/** Addresses are relative to /docs, so that they hold under a path prefix too. */
const DOCS = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Muster API</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" type="image/png" href="docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/initializer.js"></script>
</body>
</html>
`;

interface DocsFile {
  type: string;
  read(): string | Buffer;
}

function fromSwaggerUi(name: string, type: string): DocsFile {
  return { type, read: () => readFileSync(path.join(SWAGGER_UI, name)) };
}

/** All that is reachable under /docs/, by name. */
export const FILES: Readonly<Record<string, DocsFile>> = {
  'initializer.js': { type: 'text/javascript', read: () => INITIALIZER },
  'swagger-ui-bundle.js': fromSwaggerUi('swagger-ui-bundle.js', 'text/javascript'),
  'swagger-ui.css': fromSwaggerUi('swagger-ui.css', 'text/css'),
  'favicon-32x32.png': fromSwaggerUi('favicon-32x32.png', 'image/png'),
};

/** The page that shows the OpenAPI document. */
export function createDocsPage(): Page {
  return createPage('text/html', DOCS);
}

const loaded = new Map<string, Page>();

/** A file of FILES, read once in the life of the process; undefined when there is none of this name. */
export function readFile(name: string): Page | undefined {
  const file = Object.hasOwn(FILES, name) ? FILES[name] : undefined;
  if (file === undefined) return undefined;
  const page = loaded.get(name) ?? createPage(file.type, file.read());
  loaded.set(name, page);
  return page;
}
