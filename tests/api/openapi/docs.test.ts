/** The pages of the reference: open, whole, and without any address elsewhere. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ERRORS } from '#errors';
import { ROW_ERRORS } from '#job/outcome';
import { type Muster, startMuster } from '../../support/muster';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster({ workers: 0 });
});
afterAll(() => muster.close());

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'";

async function read(path: string, init?: RequestInit): Promise<Response & { text_: string }> {
  const answer = await fetch(`${muster.url}${path}`, init);
  return Object.assign(answer, { text_: await answer.text() });
}

/** What a tag of the page makes a browser load or go to. */
function addressesIn(html: string): string[] {
  const attributes = html.matchAll(
    /\s(?:src|href|action|data|poster|srcset)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))/gi,
  );
  return [...attributes].map(([, double, single, bare]) => double ?? single ?? bare ?? '');
}

/** What a style sheet makes a browser load. */
function addressesInCss(css: string): string[] {
  const urls = [...css.matchAll(/url\(\s*["']?([^"')]*)/gi)].map(([, url]) => url ?? '');
  const imports = [...css.matchAll(/@import\s+["']([^"']+)/gi)].map(([, url]) => url ?? '');
  return [...urls, ...imports];
}

const isOurs = (address: string) => /^(?:docs\/|\.\.\/|#)/.test(address);

describe.each(['/docs', '/docs/errors'])('%s', (path) => {
  it('loads only what this service serves without a key', async () => {
    const { status, headers, text_: html } = await read(path);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    const addresses = addressesIn(html);
    expect(addresses.filter((address) => !isOurs(address))).toEqual([]);
    for (const address of addresses) {
      expect((await read(new URL(address, `${muster.url}${path}`).pathname)).status).toBe(200);
    }
    for (const [, css = ''] of html.matchAll(/<style>(.*?)<\/style>/gs))
      expect(addressesInCss(css)).toEqual([]);
  });

  it('leads to itself when it is asked for with a slash at the end, where its addresses would lead elsewhere', async () => {
    const { status, headers } = await read(`${path}/`, { redirect: 'manual' });
    expect(status).toBe(308);
    expect(new URL(headers.get('location') ?? '', `${muster.url}${path}/`).pathname).toBe(path);
  });

  it('has no inline script, and a policy that forbids them and every address elsewhere', async () => {
    const { headers, text_: html } = await read(path);
    for (const [tag] of html.matchAll(/<script\b[^>]*>/gi)) expect(tag).toMatch(/\ssrc="/);
    expect(html).not.toMatch(/\son\w+\s*=|javascript:|<base|<iframe|http-equiv/i);
    expect(headers.get('content-security-policy')).toBe(POLICY);
  });
});

describe('what /docs loads', () => {
  it('has style sheets without any address elsewhere', async () => {
    const sheets = addressesIn((await read('/docs')).text_).filter((address) => address.endsWith('.css'));
    expect(sheets.length).toBeGreaterThan(0);
    for (const sheet of sheets) {
      const addresses = addressesInCss((await read(`/${sheet}`)).text_);
      expect(addresses.filter((address) => !address.startsWith('data:') && !isOurs(address))).toEqual([]);
    }
  });

  it('starts with our document, and without the badge of a validator elsewhere', async () => {
    const { text_: script } = await read('/docs/initializer.js');
    expect(script).toContain("url: new URL('../openapi.json', document.currentScript.src).href");
    expect(script).toContain('validatorUrl: null');
    expect(script).not.toMatch(/https?:|["'`]\/\//);
  });

  it('is a document that names no server and no page elsewhere', async () => {
    const { headers, text_: text } = await read('/openapi.json');
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(headers.get('cache-control')).toBe('public, max-age=60');
    const { servers, info } = JSON.parse(text);
    expect(servers).toEqual([{ url: '/' }]);
    expect(info.license).toEqual({ name: 'MIT', identifier: 'MIT' });
    const addresses = [...text.matchAll(/https?:\/\/([^/"\\ ]+)/g)].map(([, host]) => host);
    // The example of a job, which links to itself.
    expect(new Set(addresses)).toEqual(new Set(['127.0.0.1:3000']));
  });

  it.each([
    'package.json',
    'index.html',
    'swagger-initializer.js',
    'swagger-ui-bundle.js.map',
    'oauth2-redirect.html',
    '..%2Fpackage.json',
    '%2e%2e%2fpackage.json',
    'constructor',
    '__proto__',
  ])('is nothing else of the package: %s', async (file) => {
    expect((await read(`/docs/${file}`)).status).toBe(404);
  });
});

describe('/docs/errors', () => {
  const idsOf = (html: string) => [...html.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);

  it('has a place of its own for every code of answers and of rows', async () => {
    const ids = idsOf((await read('/docs/errors')).text_);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(
      expect.arrayContaining([
        ...Object.keys(ERRORS),
        ...Object.keys(ROW_ERRORS).map((code) => `row-${code}`),
      ]),
    );
  });

  it('is where the type of an error leads', async () => {
    const { type } = JSON.parse((await read('/v1/background_jobs')).text_) as { type: string };
    const { pathname, hash } = new URL(type, muster.url);
    expect(idsOf((await read(pathname)).text_)).toContain(hash.slice(1));
  });
});

describe.each(['/openapi.json', '/docs', '/docs/errors', '/docs/initializer.js'])('%s', (path) => {
  it('is the same with a key that is wrong', async () => {
    expect((await read(path, { headers: { Authorization: 'Token wrong' } })).status).toBe(200);
  });

  it('answers HEAD as GET, without the body', async () => {
    const get = await read(path);
    const head = await read(path, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(head.text_).toBe('');
    for (const name of ['content-type', 'content-length', 'etag']) {
      expect(head.headers.get(name)).toMatch(/\S/);
      expect(head.headers.get(name)).toBe(get.headers.get(name));
    }
  });

  it.each(['POST', 'PUT', 'DELETE', 'PATCH'])(
    'answers %s with 405 and the methods that it has',
    async (method) => {
      const { status, headers, text_: body } = await read(path, { method });
      expect(status).toBe(405);
      expect(headers.get('allow')).toBe('GET, HEAD');
      expect(JSON.parse(body).errors[0].error_code).toBe('method_not_allowed');
    },
  );
});
