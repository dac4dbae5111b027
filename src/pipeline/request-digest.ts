/** What makes two requests the same: their parameters and the bytes of their bodies. */
import { createHash, type Hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { AppError } from '#errors';
import type { Mapping } from '#job/reading';
import type { ImportRequest } from './import-request';

/** Takes the body in pieces. */
export class RequestDigest {
  private readonly hash: Hash;
  private digest: Buffer | undefined;

  constructor({ entity, dryRun, metadataMode, existingMode, onBusy, nested, file }: ImportRequest) {
    // What has its default is left out: a request of before there was the parameter stays the same request.
    const others = [...(nested === 'reject' ? [] : [nested]), ...(isDefault(file) ? [] : [file])];
    const parameters = JSON.stringify([entity, dryRun, metadataMode, existingMode, onBusy, ...others]);
    this.hash = createHash('sha256').update(`${parameters}\n`);
  }

  update(chunk: Buffer): void {
    this.hash.update(chunk);
  }

  /** What came behind the file belongs to the request, too. */
  addMapping(mapping: Mapping | undefined): void {
    if (mapping !== undefined) this.hash.update(`\n${JSON.stringify(mapping)}`);
  }

  /** SHA-256; nothing can be added afterwards. */
  get value(): Buffer {
    this.digest ??= this.hash.digest();
    return this.digest;
  }
}

function isDefault(file: ImportRequest['file']): boolean {
  return Object.values(file).every((value) => value === undefined || value === false);
}

/**
 * @param bytes of the body so far, after decompression
 * @throws AppError payload_too_large
 */
export function requireSize(bytes: number, maxBytes: number): void {
  if (bytes > maxBytes)
    throw new AppError('payload_too_large', { details: `The limit is ${maxBytes} bytes.` });
}

/**
 * Reads a body for its digest alone; nothing is staged. A mapping behind it is still to be added.
 * @throws AppError payload_too_large; the body's own error when the client goes away
 */
export async function digestRequest(
  body: Readable,
  request: ImportRequest,
  maxBytes: number,
): Promise<RequestDigest> {
  const digest = new RequestDigest(request);
  let bytes = 0;
  for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    requireSize(bytes, maxBytes);
    digest.update(chunk);
  }
  return digest;
}
