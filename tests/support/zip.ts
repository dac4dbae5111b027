/** ZIP archives for tests, in memory. */
import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';

/** @param files by name; a name that ends with a slash is a folder */
export async function zipOf(files: Record<string, string | Buffer>, compress = true): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, content] of Object.entries(files)) {
    if (name.endsWith('/')) zip.addEmptyDirectory(name);
    else zip.addBuffer(Buffer.from(content), name, { compress });
  }
  zip.end();
  return buffer(zip.outputStream);
}
