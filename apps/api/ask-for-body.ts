/** The last step before a body is read: nobody is told to send one that would be refused for its size. */
import type { Request, Response } from 'express';
import { AppError } from '#errors';

/**
 * What a form may have around its file: boundaries and headers of its part. A client that wraps a file into more than this
 * is refused as if the file were larger.
 */
export const FORM_ALLOWANCE_BYTES = 64 * 1024;

/**
 * Compares the declared length with the limit, and tells a client that waits for it (Expect: 100-continue) to send the body.
 * A compressed body is not compared: its size after decompression counts, which is seen only as it is read.
 * @param maxBytes the limit
 * @param allowanceBytes what may be declared beyond it
 * @throws AppError payload_too_large
 */
export function askForBody(req: Request, res: Response, maxBytes: number, allowanceBytes = 0): void {
  const isPlain = ['', 'identity'].includes((req.get('content-encoding') ?? '').trim().toLowerCase());
  if (isPlain && Number(req.get('content-length') ?? 0) > maxBytes + allowanceBytes) {
    throw new AppError('payload_too_large', { details: `The limit is ${maxBytes} bytes.` });
  }
  // HTTP/1.0 has no such answer.
  if (req.headers.expect !== undefined && req.httpVersion === '1.1') res.writeContinue();
}
