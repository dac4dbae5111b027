/** Addresses in answers: what clients can use, whatever stands in front of the API, and never what a stranger says. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createClient } from '#client/index';
import { type Muster, readText, startMuster } from '../support/muster';
import { openRaw, type RawAnswer } from './support/raw-http';

type Headers = Record<string, string>;

let muster: Muster;
afterAll(() => muster?.close());

async function start(options: Parameters<typeof startMuster>[0]): Promise<void> {
  await muster?.close();
  muster = await startMuster(options);
}

/** Every address that the API gives for this request, by where it stands. */
async function addresses(headers: Headers): Promise<Record<string, string>> {
  const ask = (path: string) => muster.get(path).set(headers);
  const accepted = await muster
    .post()
    .set(headers)
    .send({ users: [{ user_id: 'a' }, { user_id: 'b' }] })
    .expect(202);
  const { job_id: id } = await muster.finished(accepted.body.job_id);
  const linked = async (path: string) => {
    const { link = '' } = (await ask(path).expect(200)).headers;
    return /^<([^>]*)\/v1\/[^>]*>; rel="next"$/.exec(link)?.[1] ?? link;
  };
  const without = (text: string, path: string) => {
    expect(text).toContain(path);
    return text.slice(0, -path.length);
  };
  const path = `/v1/background_jobs/${id}`;
  const { body: events } = await ask(`${path}/events`).buffer().parse(readText);
  return {
    links: without(accepted.body.links, path),
    job: without((await ask(path)).body.links, path),
    list: without((await ask('/v1/background_jobs?limit=1')).body[0].links, path),
    event: without(/"links":"([^"]*)"/.exec(events)?.[1] ?? '', path),
    location: without(accepted.headers.location ?? '', path),
    link: await linked('/v1/users?limit=1'),
    error: without((await ask('/nowhere')).body.type, '/docs/errors#not_found'),
    server: (await ask('/openapi.json')).body.servers[0].url,
  };
}

/** A request as no client library sends it. */
async function askRaw(target: string, host: string): Promise<RawAnswer> {
  const connection = await openRaw(muster.url);
  await connection.write(
    `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Token ${muster.key}\r\nConnection: close\r\n\r\n`,
  );
  return connection.answer();
}

/** The absolute ones at this URL, the others at the path alone. */
const at = (url: string, base = '') => ({
  ...{ links: url, job: url, list: url, event: url, link: url },
  ...{ location: base, error: base, server: base || '/' },
});

const HOSTILE: Headers = {
  Host: 'evil.test',
  'X-Forwarded-Host': 'evil.test',
  'X-Forwarded-Proto': 'https',
  'X-Forwarded-Prefix': '/evil',
  Forwarded: 'host=evil.test;proto=https',
};

describe('without a setting', () => {
  beforeAll(() => start({}));

  it('addresses begin with the Host of the request, and no header of a proxy is believed', async () => {
    expect(await addresses({ ...HOSTILE, Host: 'muster.test:8443' })).toEqual(at('http://muster.test:8443'));
  });

  it.each(['evil.test/path', 'evil test', 'a@evil.test', ''])(
    'the Host "%s" is in no answer, because the request is refused',
    async (host) => {
      const { text } = await askRaw('/v1/background_jobs?limit=1', host);
      expect(text).toContain('"error_code":"invalid_request"');
      expect(text).not.toContain('evil');
    },
  );
});

describe('with PUBLIC_URL', () => {
  beforeAll(() => start({ publicUrl: 'https://example.com/muster', trustProxy: 1 }));

  it('all addresses begin with it, path included, and no header of a request counts', async () => {
    const url = 'https://example.com/muster';
    expect(await addresses(HOSTILE)).toEqual(at(url, url));
  });
});

describe('with TRUST_PROXY', () => {
  beforeAll(() => start({ trustProxy: 1 }));

  it.each<[string, Headers, string, string]>([
    ['nothing of a proxy', { Host: 'a.test' }, 'http://a.test', ''],
    ['X-Forwarded-Proto', { Host: 'a.test', 'X-Forwarded-Proto': 'https' }, 'https://a.test', ''],
    ['X-Forwarded-Host', { 'X-Forwarded-Host': 'a.test:81' }, 'http://a.test:81', ''],
    [
      'X-Forwarded-Prefix',
      { Host: 'a.test', 'X-Forwarded-Prefix': '/team/muster/' },
      'http://a.test/team/muster',
      '/team/muster',
    ],
    ['Forwarded', { Forwarded: 'for=192.0.2.1;Proto=HTTPS; host="a.test:81"' }, 'https://a.test:81', ''],
    [
      'Forwarded of an inner and an outer proxy',
      { Forwarded: 'for="[2001:db8::1]";host="evil,\\".test", proto=https;host=a.test' },
      'https://a.test',
      '',
    ],
    [
      'X-Forwarded-* and Forwarded',
      { 'X-Forwarded-Host': 'a.test', 'X-Forwarded-Proto': 'http', Forwarded: 'host=evil.test;proto=https' },
      'http://a.test',
      '',
    ],
    [
      'what a client has sent before the proxy appended',
      { 'X-Forwarded-Host': 'evil.test, a.test', 'X-Forwarded-Proto': 'gopher, https' },
      'https://a.test',
      '',
    ],
  ])('addresses follow %s', async (_, headers, url, base) => {
    expect(await addresses(headers)).toEqual(at(url, base));
  });

  it.each<Headers>([
    { 'X-Forwarded-Host': 'a.test/evil' },
    { 'X-Forwarded-Proto': 'javascript' },
    { 'X-Forwarded-Prefix': '//evil.test' },
    { 'X-Forwarded-Prefix': '/..' },
    { 'X-Forwarded-Prefix': '/a"><b>' },
    { 'X-Forwarded-Prefix': 'https://evil.test' },
    { Forwarded: 'host="' },
    { Forwarded: ';;=,,' },
  ])('what cannot be an address is ignored: %j', async (headers) => {
    const { body } = await muster.get('/openapi.json').set(headers).expect(200);
    expect(body.servers).toEqual([{ url: '/' }]);
    const { body: jobs } = await muster
      .get('/v1/background_jobs?limit=1')
      .set({ Host: 'a.test', ...headers });
    expect(jobs[0].links).toMatch(/^http:\/\/a\.test\/v1\//);
  });

  it('the cached document says that its server follows the prefix', async () => {
    expect((await muster.get('/openapi.json')).headers.vary).toBe('X-Forwarded-Prefix');
  });
});

describe('with two trusted proxies', () => {
  beforeAll(() => start({ trustProxy: 2 }));

  it('addresses follow what the outer one has seen', async () => {
    const headers = {
      'X-Forwarded-Host': 'evil.test, a.test, inner.test',
      'X-Forwarded-Proto': 'ftp, https, http',
    };
    expect(await addresses(headers)).toEqual(at('https://a.test'));
  });
});

it('the address of the next page has the host of the Host header when the request line names another one', async () => {
  await muster.importRows([{ user_id: 'a' }, { user_id: 'b' }]);
  const { headers } = await askRaw('http://evil.test/v1/users?limit=1', 'a.test');
  expect(headers.link).toMatch(/^<http:\/\/a\.test\/v1\/users\?limit=1&cursor=[^>]+>; rel="next"$/);
});

it('the SDK reads the errors of a service that has a path', async () => {
  await start({ publicUrl: 'https://example.com/muster' });
  const client = createClient({ url: muster.url, apiKey: muster.key });
  await expect(client.job('9536d797-7039-4d30-8c11-ac437367d732')).rejects.toMatchObject({
    code: 'job_not_found',
  });
});
