/** The body of a file upload, as forms send it. */

const BOUNDARY = 'bench-1f9c7b1e5d';

/** @returns a form of one part, the file, which is not copied */
export function toForm(
  filename: string,
  type: string,
  file: Buffer,
): { contentType: string; body: [head: Buffer, file: Buffer, tail: Buffer] } {
  const head =
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="${filename}"\r\n` +
    `Content-Type: ${type}\r\n\r\n`;
  return {
    contentType: `multipart/form-data; boundary=${BOUNDARY}`,
    body: [Buffer.from(head), file, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)],
  };
}
