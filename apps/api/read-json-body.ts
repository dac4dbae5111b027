/** Reads a small JSON body and checks it by a zod schema. Bodies of imports are streamed instead: read-upload. */
import { isUtf8 } from 'node:buffer';
import express, { type Request, type Response } from 'express';
import type { z } from 'zod';
import { AppError, type ErrorCode } from '#errors';
import { askForBody } from './ask-for-body';

const MAX_BODY_BYTES = 1024 * 1024;
const readRaw = express.raw({ type: 'application/json', limit: MAX_BODY_BYTES });

/**
 * @param wrong the error when the body is JSON of another shape
 * @throws AppError unsupported_media_type, payload_too_large, invalid_json, and `wrong`
 */
export async function readJsonBody<Schema extends z.ZodType>(
  req: Request,
  res: Response,
  schema: Schema,
  wrong: ErrorCode,
): Promise<z.output<Schema>> {
  const read = schema.safeParse(parse(await readRawBody(req, res)));
  if (!read.success) throw new AppError(wrong);
  return read.data;
}

/**
 * A JSON body and its text, for who needs the digits of its numbers.
 * @throws AppError unsupported_media_type, payload_too_large, invalid_json
 */
export async function readJsonText(req: Request, res: Response): Promise<{ text: string; value: unknown }> {
  const body = await readRawBody(req, res);
  return { value: parse(body), text: body.toString('utf8') };
}

async function readRawBody(req: Request, res: Response): Promise<Buffer> {
  if (req.is('application/json') && isReadable(req)) askForBody(req, res, MAX_BODY_BYTES);
  await new Promise<void>((resolve, reject) => {
    readRaw(req, res, (error?: unknown) => (error === undefined ? resolve() : reject(bodyError(error))));
  });
  const body: unknown = req.body;
  if (Buffer.isBuffer(body)) return body;
  throw new AppError(req.is('application/json') ? 'invalid_json' : 'unsupported_media_type');
}

/** Whether the reader knows the encoding; what it does not know it refuses before it reads. */
function isReadable(req: Request): boolean {
  return ['identity', 'gzip', 'deflate', 'br'].includes(
    (req.get('content-encoding') ?? 'identity').toLowerCase(),
  );
}

function parse(body: Buffer): unknown {
  try {
    // A byte that is no UTF-8 would silently become another character.
    if (isUtf8(body)) return JSON.parse(body.toString('utf8'));
  } catch {
    // The parser's text quotes the body.
  }
  throw new AppError('invalid_json');
}

/** body-parser's errors carry a status. */
function bodyError(error: unknown): unknown {
  const { status } = error as { status?: number };
  if (status === 413)
    return new AppError('payload_too_large', { details: `The limit is ${MAX_BODY_BYTES} bytes.` });
  if (status === 415) return new AppError('unsupported_media_type');
  return status === 400 ? new AppError('invalid_json') : error;
}
