/**
 * The dashboard: the built page and its files, open without a key, from this address alone. Exactly the paths of its pages
 * answer with the page; everything else stays the API's. When it was not built, there is none.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import type { RequestHandler, Response } from 'express';
import { matches } from './jobs/find-job';

/** The addresses that apps/dashboard/src/route/route.ts knows. */
const PAGE = /^\/(?:users|companies|properties|jobs\/[^/]+)?$/;

/** Never an address of its own. */
const INDEX = '/index.html';
const ASSETS = '/assets/';
/** The same page at addresses that have a folder: /jobs/ID. */
const NESTED_INDEX = '/jobs/index.html';
const JOBS = '/jobs/';

/** No inline script or style, nothing from elsewhere. What the page sets through the DOM needs no leave. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const YEAR_SECONDS = 31_536_000;
/** The names under assets/ have a hash of their content. */
const FOR_EVER = `public, max-age=${YEAR_SECONDS}, immutable`;

interface DashboardFile {
  type: string;
  cacheControl: string;
  /** By content coding. */
  bodies: Map<string, Buffer>;
}

/**
 * @param folder of the built page; default: dist/dashboard of this package
 * @throws Error when a file that is there cannot be read
 */
export function dashboard(folder = findFolder()): RequestHandler {
  const files = readFiles(folder);
  const tags = new Map([...files].map(([name, file]) => [name, tagOf(file)]));
  return (req, res, next) => {
    const name = !PAGE.test(req.path) ? req.path : req.path.startsWith(JOBS) ? NESTED_INDEX : INDEX;
    const file = req.path === INDEX ? undefined : files.get(name);
    if (file === undefined || (req.method !== 'GET' && req.method !== 'HEAD')) next();
    else send(res, file, tags.get(name) ?? '');
  };
}

/** Beside the package.json, which is above this file both in the sources and in the build. */
function findFolder(): string {
  let folder = __dirname;
  while (!existsSync(path.join(folder, 'package.json'))) folder = path.dirname(folder);
  return path.join(folder, 'dist', 'dashboard');
}

/** By path in the address. Empty when there is no such folder. */
function readFiles(folder: string): Map<string, DashboardFile> {
  const files = new Map<string, DashboardFile>();
  if (!existsSync(path.join(folder, 'index.html'))) return files;
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile() || /\.(?:br|gz)$/.test(entry.name)) continue;
    const file = path.join(entry.parentPath, entry.name);
    const name = `/${path.relative(folder, file).replaceAll(path.sep, '/')}`;
    if (name !== INDEX && !name.startsWith(ASSETS)) continue;
    const bodies = new Map([['identity', readFileSync(file)]]);
    if (existsSync(`${file}.br`)) bodies.set('br', readFileSync(`${file}.br`));
    if (existsSync(`${file}.gz`)) bodies.set('gzip', readFileSync(`${file}.gz`));
    const cacheControl = name.startsWith(ASSETS) ? FOR_EVER : 'no-cache';
    files.set(name, { type: path.extname(name), cacheControl, bodies });
  }
  files.set(NESTED_INDEX, nest(readFileSync(path.join(folder, 'index.html'), 'utf8')));
  return files;
}

/** The page names its files relative to its own address, so that it loads under any path prefix; here one folder deeper. */
function nest(html: string): DashboardFile {
  const body = Buffer.from(html.replaceAll('"./assets/', '"../assets/'));
  const bodies = new Map([
    ['identity', body],
    ['br', brotliCompressSync(body)],
    ['gzip', gzipSync(body)],
  ]);
  return { type: '.html', cacheControl: 'no-cache', bodies };
}

function tagOf({ bodies }: DashboardFile): string {
  const digest = createHash('sha256').update(bodies.get('identity') ?? '');
  // Weak: the codings of one content share it.
  return `W/"${digest.digest('base64url')}"`;
}

function send(res: Response, { type, cacheControl, bodies }: DashboardFile, tag: string): void {
  res.set({
    'Content-Security-Policy': CONTENT_SECURITY_POLICY,
    'Cache-Control': cacheControl,
    ETag: tag,
    Vary: 'Accept-Encoding',
  });
  if (matches(res.req.get('if-none-match'), tag)) {
    res.status(304).end();
    return;
  }
  const offered = ['br', 'gzip'].filter((coding) => bodies.has(coding));
  const coding = res.req.acceptsEncodings(offered) || 'identity';
  const body = bodies.get(coding) ?? bodies.get('identity');
  if (coding !== 'identity') res.set('Content-Encoding', coding);
  res.type(type).send(body);
}
