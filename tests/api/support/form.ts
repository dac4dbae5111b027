/** Multipart bodies by hand, right and wrong ones. */

export const BOUNDARY = 'muster-boundary';
export const FORM_TYPE = `multipart/form-data; boundary=${BOUNDARY}`;

/** One part: its header lines as they are to stand, and its body. */
export function part(header: string | string[], body: string | Buffer = '{"user_id":"form"}\n'): Buffer {
  const lines = typeof header === 'string' ? [header] : header;
  const head = Buffer.from(`--${BOUNDARY}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`);
  return Buffer.concat([head, Buffer.from(body), Buffer.from('\r\n')]);
}

/** The part that every import has, in a form as curl writes it. */
export function filePart(body?: string | Buffer, filename = 'users.ndjson', field = 'file'): Buffer {
  return part(
    [
      `Content-Disposition: form-data; name="${field}"; filename="${filename}"`,
      'Content-Type: application/octet-stream',
    ],
    body,
  );
}

export function textPart(field: string, value = 'x'): Buffer {
  return part(`Content-Disposition: form-data; name="${field}"`, value);
}

/** The parts and the boundary that ends the form. */
export function form(...parts: (string | Buffer)[]): Buffer {
  return Buffer.concat([...parts.map((one) => Buffer.from(one)), Buffer.from(`--${BOUNDARY}--\r\n`)]);
}

/** NDJSON of so many users with ids `{prefix}1` onwards. */
export function ndjson(rows: number, prefix = 'u'): string {
  return Array.from({ length: rows }, (_, i) => `{"user_id":"${prefix}${i + 1}"}\n`).join('');
}

/** NDJSON of exactly so many bytes, in rows of about 10 kB. */
export function ndjsonOfBytes(bytes: number): Buffer {
  const lines: string[] = [];
  let left = bytes;
  for (let row = 1; left > 0; row++) {
    const frame = `{"user_id":"big-${row}","metadata":{"pad":""}}\n`.length;
    const length = left < 20_000 ? left : 10_000;
    lines.push(`{"user_id":"big-${row}","metadata":{"pad":"${'x'.repeat(length - frame)}"}}\n`);
    left -= length;
  }
  return Buffer.from(lines.join(''));
}

/** The same rows as a JSON body of exactly so many bytes. */
export function jsonOfBytes(bytes: number): Buffer {
  const rows = ndjsonOfBytes(bytes - '{"users":[]}'.length + 1).toString();
  return Buffer.from(`{"users":[${rows.trimEnd().replaceAll('\n', ',')}]}`);
}
