/** The name of an uploaded file: shown as it was, but never with a path, a line break or a control character. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, startMuster } from '../support/muster';
import { FORM_TYPE, form, part } from './support/form';
import { postBody } from './support/post-body';
import { expectRefusal } from './support/refusal';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

const upload = (parameters: string) =>
  postBody(muster, form(part(`Content-Disposition: form-data; name="file"; ${parameters}`)), {
    'Content-Type': FORM_TYPE,
  });

/** The name as the 202, the job and the list of jobs show it. */
async function shownName(parameters: string): Promise<string> {
  const { body } = await upload(parameters).expect(202);
  const job = await muster.finished(body.job_id);
  const list = await muster.get('/v1/background_jobs?limit=1').expect(200);
  expect([job.filename, list.body[0].filename]).toEqual([body.filename, body.filename]);
  return body.filename;
}

describe('is shown as it was', () => {
  it.each([
    ['plain', 'filename="users.ndjson"', 'users.ndjson'],
    ['without quotes', 'filename=users.ndjson', 'users.ndjson'],
    ['with spaces', 'filename="my users (1).ndjson"', 'my users (1).ndjson'],
    ['with an escaped quote', 'filename="a\\"b.ndjson"', 'a"b.ndjson'],
    ['with a percent-encoded quote, as browsers send it', 'filename="a%22b.ndjson"', 'a"b.ndjson'],
    ['with a percent sign', 'filename="50%.ndjson"', '50%.ndjson'],
    ['with a semicolon', 'filename="a;b.ndjson"', 'a;b.ndjson'],
    ['raw UTF-8', 'filename="näme-名前-😀.ndjson"', 'näme-名前-😀.ndjson'],
    ['raw UTF-8 from right to left', 'filename="משתמשים.ndjson"', 'משתמשים.ndjson'],
    ['filename* in UTF-8', "filename*=utf-8''n%C3%A4me.ndjson", 'näme.ndjson'],
    ['filename* in UTF-8 and upper case', "filename*=UTF-8''%F0%9F%98%80.ndjson", '😀.ndjson'],
    ['filename* in ISO 8859-1', "filename*=iso-8859-1''n%E4me.ndjson", 'näme.ndjson'],
    ['filename* beside filename', 'filename="fallback"; filename*=utf-8\'\'n%C3%A4me', 'näme'],
    ['beginning with a dot', 'filename=".hidden"', '.hidden'],
    ['markup, which is text in JSON', 'filename="<script>alert(1)<.ndjson"', '<script>alert(1)<.ndjson'],
  ])('%s', async (_name, parameters, shown) => {
    expect(await shownName(parameters)).toBe(shown);
  });
});

describe('is shown without its path', () => {
  it.each([
    ['upwards', 'filename="../../etc/passwd"', 'passwd'],
    ['absolute', 'filename="/etc/passwd"', 'passwd'],
    ['of Windows', 'filename="C:\\\\Users\\\\me\\\\users.ndjson"', 'users.ndjson'],
    [
      'of Windows, not escaped',
      'filename="C:\\Users\\me\\users.ndjson"',
      expect.stringMatching(/users\.ndjson$/),
    ],
    ['of Windows, upwards', 'filename="..\\\\..\\\\boot.ini"', 'boot.ini'],
    ['of a server', 'filename="\\\\\\\\server\\\\share\\\\a.ndjson"', 'a.ndjson'],
    ['of both kinds', 'filename="a/b\\\\c/d\\\\e.ndjson"', 'e.ndjson'],
    ['in filename*', "filename*=utf-8''..%2F..%2Fetc%2Fpasswd", 'passwd'],
    ['in filename*, of Windows', "filename*=utf-8''..%5C..%5Cboot.ini", 'boot.ini'],
  ])('%s', async (_name, parameters, shown) => {
    const name = await shownName(parameters);
    expect(name).toEqual(shown);
    expect(name).not.toMatch(/[\\/]/);
  });
});

describe('is shown without control characters', () => {
  it.each([
    ['CR LF, percent-encoded as browsers do', 'filename="a%0d%0aSet-Cookie: x=1"'],
    ['CR LF in filename*', "filename*=utf-8''a%0d%0aSet-Cookie%3A%20x%3D1"],
    ['U+0000 in filename*', "filename*=utf-8''a%00b.ndjson"],
    ['an escape sequence in filename*', "filename*=utf-8''%1B%5B31ma"],
    ['a C1 control in filename*', "filename*=utf-8''a%C2%85b"],
    ['a tab', 'filename="a\tb"'],
  ])('%s', async (_name, parameters) => {
    const { body, headers } = await upload(parameters).expect(202);
    expect(body.filename).not.toBe('');
    expect(body.filename).not.toMatch(/\p{Cc}/u);
    expect(headers['set-cookie']).toBeUndefined();
    await muster.finished(body.job_id);
  });
});

describe('is cut, not refused', () => {
  it.each([
    ['5,000 letters', 'x'.repeat(5_000)],
    ['2,000 emoji', '😀'.repeat(2_000)],
    ['2,000 emoji behind a letter', `x${'😀'.repeat(2_000)}`],
  ])('%s', async (_name, name) => {
    const shown = await shownName(`filename="${name}"`);
    expect(shown.length).toBeGreaterThan(200);
    expect(shown.length).toBeLessThanOrEqual(255);
    expect(name.startsWith(shown)).toBe(true);
  });
});

describe('a name of nothing but a path is no file', () => {
  it.each(['filename="."', 'filename=".."', 'filename="/"', 'filename="../"'])('%s', async (parameters) => {
    await expectRefusal(muster, () => upload(parameters), 400, 'file_missing');
  });
});

it('a name in bytes that are not UTF-8 does no harm', async () => {
  const header = Buffer.from('Content-Disposition: form-data; name="file"; filename="n\xe4me"', 'latin1');
  const body = form(part('X: y')).toString('latin1').replace('X: y', header.toString('latin1'));
  const answer = await postBody(muster, Buffer.from(body, 'latin1'), { 'Content-Type': FORM_TYPE });
  expect([202, 400]).toContain(answer.status);
  if (answer.status === 202) await muster.finished(answer.body.job_id);
});
