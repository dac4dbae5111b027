/** How the API serves the dashboard: which addresses, which headers, and how little there is to load. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import { dashboard } from '#apps/api/dashboard';
import { type Muster, startMuster } from '../support/muster';

const BUILT = path.resolve('dist/dashboard');
const FIRST_LOAD_BYTES = 150 * 1024;

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster({ workers: 0 });
});
afterAll(() => muster?.close());

describe('the page', () => {
  it.each(['/', '/jobs/9536d797-7039-4d30-8c11-ac437367d732', '/users', '/companies', '/properties'])(
    'is at %s, open without a key, with a policy that leaves nothing to chance',
    async (address) => {
      const answer = await request(muster.url).get(address).expect(200);
      expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
      expect(answer.headers['cache-control']).toBe('no-cache');
      const policy = answer.headers['content-security-policy'] ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).not.toMatch(/unsafe|https?:|\*/);
      expect(answer.text).not.toMatch(/<script>|<style|style=|https?:\/\//);
      await request(muster.url)
        .get(address)
        .set('If-None-Match', answer.headers.etag ?? '')
        .expect(304);
      await request(muster.url).head(address).expect(200);
    },
  );

  it('leaves every other address and method to the API', async () => {
    for (const address of [
      '/jobs',
      '/jobs/a/b',
      '/user',
      '/index.html',
      '/assets/none.js',
      '/assets',
      '//',
    ]) {
      const { body } = await muster.get(address).expect(404);
      expect(body.errors[0].error_code).toBe('not_found');
    }
    await muster.post('/users').expect(404);
    await request(muster.url).get('/v1/users').expect(401);
  });

  it('is not there, and nothing else is missing, when it was not built', async () => {
    const app = express();
    app.use(dashboard('/nowhere'), (_req, res) => void res.status(404).send('as ever'));
    expect((await request(app).get('/').expect(404)).text).toBe('as ever');
  });
});

const INDEX = readFileSync(path.join(BUILT, 'index.html'), 'utf8');
const FIRST_LOAD = [...INDEX.matchAll(/(?:src|href)="\.(\/assets\/[^"]+)"/g)].map(
  ([, file]) => file as string,
);

describe('its files', () => {
  it.each([
    ['br', 'br'],
    ['gzip', 'gzip'],
    ['identity', undefined],
  ])('are kept for ever, and sent as %s to whom takes it', async (coding, expected) => {
    expect(FIRST_LOAD.length).toBeGreaterThan(1);
    for (const file of FIRST_LOAD) {
      const answer = await request(muster.url).get(file).set('Accept-Encoding', coding).buffer().expect(200);
      expect(answer.headers['content-encoding']).toBe(expected);
      expect(answer.headers.vary).toBe('Accept-Encoding');
      expect(answer.headers['cache-control']).toContain('immutable');
    }
  });

  it('of the first load take less than 150 kB', () => {
    const sizes = FIRST_LOAD.map((file) => gzipSync(readFileSync(path.join(BUILT, file))).length);
    expect(sizes.reduce((sum, size) => sum + size, gzipSync(INDEX).length)).toBeLessThan(FIRST_LOAD_BYTES);
  });
});
