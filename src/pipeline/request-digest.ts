/** What makes two requests the same: their parameters and the bytes of their bodies. */
import { createHash, type Hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { AppError } from '#errors';
import type { ImportRequest } from './import-request';

/** Takes the body in pieces and watches its size. */
export class RequestDigest {
  private readonly hash: Hash;
  private bytes = 0;
  private digest: Buffer | undefined;

  /** @param maxBytes of the body after decompression */
  constructor(
    { entity, dryRun, metadataMode, existingMode, onBusy }: ImportRequest,
    private readonly maxBytes: number,
  ) {
    const parameters = JSON.stringify([entity, dryRun, metadataMode, existingMode, onBusy]);
    this.hash = createHash('sha256').update(`${parameters}\n`);
  }

  /** @throws AppError payload_too_large */
  update(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.bytes > this.maxBytes) {
      throw new AppError('payload_too_large', { details: `The limit is ${this.maxBytes} bytes.` });
    }
    this.hash.update(chunk);
  }

  /** SHA-256; nothing can be added afterwards. */
  get value(): Buffer {
    this.digest ??= this.hash.digest();
    return this.digest;
  }
}

/**
 * Reads a body for its digest alone; nothing is staged.
 * @throws AppError payload_too_large; the body's own error when the client goes away
 */
export async function digestRequest(
  body: Readable,
  request: ImportRequest,
  maxBytes: number,
): Promise<Buffer> {
  const digest = new RequestDigest(request, maxBytes);
  for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    digest.update(chunk);
  }
  return digest.value;
}
