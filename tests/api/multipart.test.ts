/** Forms that are broken, odd or hostile: always a refusal of the table that leaves nothing, never an accident or a hang. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cpuMsOf } from '../support/cpu-time';
import { type Muster, startMuster } from '../support/muster';
import { BOUNDARY, FORM_TYPE, filePart, form, ndjsonOfBytes, part, textPart } from './support/form';
import { postBody } from './support/post-body';
import { expectNextImportAccepted, expectRefusal } from './support/refusal';

let muster: Muster;
beforeAll(async () => {
  muster = await startMuster();
});
afterAll(() => muster.close());

const DISPOSITION = 'Content-Disposition: form-data; name="file"; filename="users.ndjson"';
const GOOD = form(filePart());
const post = (body: string | Buffer, type = FORM_TYPE) => postBody(muster, body, { 'Content-Type': type });

describe('a broken form is refused as invalid_multipart', () => {
  const latin = (text: string) => Buffer.from(text, 'latin1');
  const end = `\r\n--${BOUNDARY}--\r\n`;
  it.each([
    ['an empty body', ''],
    ['a body that is no form', 'hello'],
    ['another boundary in the body', GOOD.toString().replaceAll(BOUNDARY, 'another')],
    ['no end boundary', filePart()],
    ['an end boundary without its hyphens', Buffer.concat([filePart(), Buffer.from(`--${BOUNDARY}\r\n`)])],
    ['a cut within the end boundary', GOOD.subarray(0, -6)],
    ['a cut within the file', GOOD.subarray(0, GOOD.length - BOUNDARY.length - 12)],
    ['a cut in a file of megabytes', form(filePart(ndjsonOfBytes(3_000_000))).subarray(0, 1_500_000)],
    ['a cut within the part header', `--${BOUNDARY}\r\n${DISPOSITION}`],
    ['a cut behind the part header', `--${BOUNDARY}\r\n${DISPOSITION}\r\n\r\n`],
    ['LF for CR LF', GOOD.toString().replaceAll('\r\n', '\n')],
    ['a part header of 64 kB', form(part([DISPOSITION, `X-Big: ${'x'.repeat(65_536)}`]))],
    ['U+0000 in a part header', form(part([DISPOSITION, 'X-Other: a\u0000b']))],
    ['a bare CR in a part header', form(part([DISPOSITION, 'X-Other: a\rb']))],
    ['a header line that is no header', form(part([DISPOSITION, 'nonsense']))],
    ['U+0000 in the filename', form(part([DISPOSITION.replace('users', 'us\u0000ers')]))],
    ['a raw line break in the filename', form(part([DISPOSITION.replace('users', 'us\r\ners')]))],
    ['random bytes behind the first boundary', latin(`--${BOUNDARY}\r\n\x00\xff\xfe\x01${end}`)],
  ])('%s', async (_name, body) => {
    await expectRefusal(muster, () => post(body), 400, 'invalid_multipart');
  });

  it.each([
    ['no boundary', 'multipart/form-data'],
    ['an empty boundary', 'multipart/form-data; boundary='],
    ['an empty quoted boundary', 'multipart/form-data; boundary=""'],
    ['another boundary in the header', 'multipart/form-data; boundary=another'],
  ])('%s', async (_name, type) => {
    await expectRefusal(muster, () => post(GOOD, type), 400, 'invalid_multipart');
  });
});

describe('a form without the file is refused', () => {
  const refused: [name: string, codes: string[], body: Buffer][] = [
    ['no part at all', ['file_missing', 'invalid_multipart'], form()],
    ['filename=""', ['file_missing'], form(filePart(undefined, ''))],
    ['a part without Content-Disposition', ['file_missing', 'invalid_multipart'], form(part('X-Other: a'))],
    ['a part without header lines', ['file_missing', 'invalid_multipart'], form(part([]))],
    [
      'a disposition that is not form-data',
      ['file_missing', 'invalid_multipart'],
      form(part(DISPOSITION.replace('form-data', 'attachment'))),
    ],
    [
      'a part without a name',
      ['file_missing', 'unexpected_field', 'invalid_multipart'],
      form(part(DISPOSITION.replace(' name="file";', ''))),
    ],
    [
      'name=""',
      ['file_missing', 'unexpected_field', 'invalid_multipart'],
      form(part(DISPOSITION.replace('name="file"', 'name=""'))),
    ],
    [
      'the file as a text field',
      ['file_missing', 'unexpected_field'],
      form(textPart('file', '{"user_id":"a"}')),
    ],
  ];
  it.each(refused)('%s', async (_name, codes, body) => {
    const { text } = await post(body);
    expect(codes).toContain(JSON.parse(text).errors[0].error_code);
    await expectRefusal(muster, () => post(body), 400, JSON.parse(text).errors[0].error_code);
  });
});

describe('a form with anything but the one file is refused', () => {
  const deep = `a${'[b]'.repeat(2000)}`;
  const many = (one: (i: number) => Buffer, count: number) => Array.from({ length: count }, (_, i) => one(i));
  it.each([
    ['a file in another field', 'unexpected_field', form(filePart(undefined, undefined, 'upload'))],
    [
      'a file in another field of megabytes',
      'unexpected_field',
      form(filePart(ndjsonOfBytes(3_000_000), 'a', 'upload')),
    ],
    ['a file in the field FILE', 'unexpected_field', form(filePart(undefined, undefined, 'FILE'))],
    ['a file in the field file[]', 'unexpected_field', form(filePart(undefined, undefined, 'file[]'))],
    ['a field name of 10 kB', 'unexpected_field', form(filePart(undefined, undefined, 'f'.repeat(10_000)))],
    ['two files', 'too_many_files', form(filePart(), filePart())],
    [
      'two files, the first of megabytes',
      'too_many_files',
      form(filePart(ndjsonOfBytes(3_000_000)), filePart()),
    ],
    ['two files in two fields', 'too_many_files', form(filePart(), filePart(undefined, 'b', 'other'))],
    ['a text field before the file', 'unexpected_field', form(textPart('x'), filePart())],
    ['a text field behind the file', 'unexpected_field', form(filePart(), textPart('x'))],
    [
      'a text field behind a file of megabytes',
      'unexpected_field',
      form(filePart(ndjsonOfBytes(3_000_000)), textPart('x')),
    ],
    ['3,000 text fields', 'unexpected_field', form(...many((i) => textPart(`f${i}`), 3000), filePart())],
    ['10,000 files', 'too_many_files', form(...many(() => filePart(), 10_000))],
    ['a field nested 2,000 deep', 'unexpected_field', form(textPart(deep), filePart())],
    ['a file in a field nested 2,000 deep', 'unexpected_field', form(filePart(undefined, undefined, deep))],
    ['a[999999999]', 'unexpected_field', form(textPart('a[999999999]'), filePart())],
    ['a[4294967294] and a[]', 'unexpected_field', form(textPart('a[4294967294]'), textPart('a[]'))],
    ['__proto__[x]', 'unexpected_field', form(textPart('__proto__[x]'), filePart())],
    ['a file in __proto__', 'unexpected_field', form(filePart(undefined, undefined, '__proto__'))],
    ['constructor[prototype][x]', 'unexpected_field', form(textPart('constructor[prototype][x]'))],
  ])('%s', async (_name, code, body) => {
    const cpuMs = await cpuMsOf(() => expectRefusal(muster, () => post(body), 400, code));
    expect(cpuMs).toBeLessThan(3_000);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});

describe('a form that is unusual but right is accepted', () => {
  const quoted = 'multipart/form-data; boundary="b(o)u,n/d:a=r?y "; charset=utf-8'.replace(' "', '"');
  const other = (boundary: string) => Buffer.from(GOOD.toString().replaceAll(BOUNDARY, boundary));
  it.each<[string, Buffer, string?]>([
    ['no part content type', form(part(DISPOSITION))],
    ...[
      'application/octet-stream',
      'text/plain',
      'application/json',
      'application/x-ndjson',
      'a/b; charset=x',
    ].map((type): [string, Buffer] => [
      `part type ${type}`,
      form(part([DISPOSITION, `Content-Type: ${type}`])),
    ]),
    ['a preamble and an epilogue', Buffer.concat([Buffer.from('hello\r\n'), GOOD, Buffer.from('bye\r\n')])],
    ['no line break at the very end', GOOD.subarray(0, -2)],
    ['a folded header', form(part(DISPOSITION.replace('; filename', ';\r\n filename')))],
    ['header names in other case', form(part(DISPOSITION.toLowerCase()))],
    ['the type in other case', GOOD, `Multipart/Form-Data; BOUNDARY=${BOUNDARY}`],
    ['a semicolon at the end of the type', GOOD, `${FORM_TYPE};`],
    ['a charset on the form', GOOD, `${FORM_TYPE}; charset=utf-8`],
    ['a boundary of 70 characters', other('b'.repeat(70)), `multipart/form-data; boundary=${'b'.repeat(70)}`],
    ['a boundary of special characters', other('b(o)u,n/d:a=r?y'), quoted],
    ['a boundary-like line within the file', form(filePart(`{"user_id":"form"}\n--${BOUNDARY}x`))],
  ])('%s', async (_name, body, type = FORM_TYPE) => {
    const answer = await post(body, type);
    expect({ status: answer.status, answer: answer.body }).toMatchObject({
      status: 202,
      answer: { total_rows: expect.any(Number) },
    });
    expect(await muster.finished(answer.body.job_id)).toMatchObject({ status: 'completed' });
  });

  it('base64 is not decoded: the row fails, the job ends', async () => {
    const encoded = Buffer.from('{"user_id":"a"}').toString('base64');
    const body = form(part([DISPOSITION, 'Content-Transfer-Encoding: base64'], encoded));
    const { job_id } = (await post(body).expect(202)).body;
    expect(await muster.finished(job_id)).toMatchObject({ status: 'failed', failed_rows: 1 });
  });

  it('a CSV that is not named as one is read as what it is, and that is said', async () => {
    const { job_id } = (await post(form(filePart('user_id,plan\nu1,pro\n'))).expect(202)).body;
    const job = await muster.finished(job_id);
    expect(job).toMatchObject({ status: 'completed', failed_rows: 0, warnings: [{ code: 'read_as_csv' }] });
  });
});

it('after all of this the process is up and the next import is accepted', async () => {
  await muster.get('/healthz').expect(200);
  await expectNextImportAccepted(muster);
});
