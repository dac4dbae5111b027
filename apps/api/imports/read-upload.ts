/**
 * Reads the body of an import, whichever of its forms, and hands it on as it streams in, to be staged as a rule.
 * Multipart goes through multer with a storage engine of our own: what it "stores" goes there, so memory stays
 * flat and nothing is written to disk here. Everything that fails leaves nothing behind.
 */
import type { Readable } from 'node:stream';
import { MIMEType } from 'node:util';
import { createGunzip } from 'node:zlib';
import type { Request, Response } from 'express';
import multer, { type FileFilterCallback, MulterError, type StorageEngine } from 'multer';
import { AppError, type ErrorCode } from '#errors';
import type { Mapping } from '#job/reading';
import { createFileCutter, type FileCutter, type Format } from '#pipeline/cut/cut-file';
import type { ImportRequest } from '#pipeline/import-request';
import { askForBody, FORM_ALLOWANCE_BYTES } from '../ask-for-body';
import { readMapping } from './parameters';

/** What is made of a body as it streams in. */
interface Content {
  /** Removes every trace, when the rest of the request turns out to be wrong. */
  discard(): Promise<void>;
}

/** Takes a body in to its end; the cutter knows its format. */
export type Consume<T extends Content> = (body: Readable, cutter: FileCutter) => Promise<T>;

export interface ReadUpload<T extends Content> {
  content: T;
  /** Safe base name; empty unless a file was uploaded. */
  filename: string;
  /** The part of the form that says what becomes of the columns. */
  mapping?: Mapping | undefined;
}

/** The file's field, and the one that may stand beside it. */
const FILE_FIELD = 'file';
const MAPPING_FIELD = 'mapping';
const MULTIPART_LIMITS = {
  // One is taken; the second one is refused by name.
  files: 2,
  fields: 1,
  fieldSize: 1024 * 1024,
  // Of the fields, also the one that may come: longer names are others.
  fieldNameSize: MAPPING_FIELD.length,
  headerPairs: 32,
  fieldNestingDepth: 0,
};
const MAX_FILENAME_CHARACTERS = 255;
const NDJSON_TYPES = ['application/x-ndjson', 'application/jsonl', 'application/ndjson'];

/**
 * Reads the request's body to its end.
 * @param maxBytes of the file or body, after decompression; a declared length beyond it is refused before it is sent
 * @throws AppError unsupported_media_type, payload_too_large, what the stage throws, and the multipart faults of the table
 */
export async function readUpload<T extends Content>(
  req: Request,
  res: Response,
  request: Pick<ImportRequest, 'entity' | 'file'>,
  maxBytes: number,
  consume: Consume<T>,
): Promise<ReadUpload<T>> {
  const type = readContentType(req);
  const encoding = (req.get('content-encoding') ?? 'identity').trim().toLowerCase();
  if (type?.essence === 'multipart/form-data' && encoding === 'identity') {
    if (!type.params.get('boundary')) throw new AppError('invalid_multipart');
    // multer does not see a form in every spelling of its type.
    req.headers['content-type'] = type.toString();
    askForBody(req, res, maxBytes, FORM_ALLOWANCE_BYTES);
    return readMultipart(req, res, request, consume);
  }
  const isReadable = ['identity', 'gzip'].includes(encoding) && type !== undefined && isUtf8(type);
  const format = isReadable ? formatOf(type.essence) : undefined;
  if (format === undefined) throw new AppError('unsupported_media_type');
  askForBody(req, res, maxBytes);
  const cutter = createFileCutter({ format }, request.entity, request.file);
  const content = encoding === 'gzip' ? consumeCompressed(req, cutter, consume) : consume(req, cutter);
  return { content: await content, filename: '' };
}

/** Undefined for a type that is none of an import. */
function formatOf(essence: string): Format | undefined {
  if (NDJSON_TYPES.includes(essence)) return 'ndjson';
  if (essence === 'application/json') return 'json';
  return essence === 'text/csv' ? 'csv' : undefined;
}

function readContentType(req: Request): MIMEType | undefined {
  try {
    return new MIMEType(req.get('content-type') ?? '');
  } catch {
    return undefined;
  }
}

function isUtf8(type: MIMEType): boolean {
  return ['utf-8', 'utf8', null].includes(type.params.get('charset')?.toLowerCase() ?? null);
}

async function consumeCompressed<T extends Content>(
  req: Request,
  cutter: FileCutter,
  consume: Consume<T>,
): Promise<T> {
  const gunzip = createGunzip();
  const fail = () => gunzip.destroy(new AppError('upload_aborted'));
  req.once('aborted', fail).pipe(gunzip);
  try {
    return await consume(gunzip, cutter);
  } catch (error) {
    const isZlib = String((error as NodeJS.ErrnoException).code).startsWith('Z_');
    throw isZlib ? new AppError('invalid_json', { details: 'The gzip data is broken or cut off.' }) : error;
  } finally {
    req.off('aborted', fail).unpipe(gunzip);
    gunzip.destroy();
  }
}

/**
 * Answers a fault as soon as it is known, while multer still drains the rest of the body: hence the two ways out.
 */
function readMultipart<T extends Content>(
  req: Request,
  res: Response,
  request: Pick<ImportRequest, 'entity' | 'file'>,
  consume: Consume<T>,
): Promise<ReadUpload<T>> {
  return new Promise((resolve, reject) => {
    let taken: ReadUpload<T> | undefined;
    // Never rejects. multer does not wait for it when the form is cut.
    let taking: Promise<void> = Promise.resolve();
    const storage: StorageEngine = {
      _handleFile(_req, file, done) {
        let cutter: FileCutter;
        let mapping: Mapping | undefined;
        try {
          mapping = mappingPart(req, request.file);
          const options = { ...request.file, mapping: mapping ?? request.file.mapping };
          cutter = createFileCutter({ format: formatOfFile(file) }, request.entity, options);
        } catch (error) {
          reject(error);
          return done(error);
        }
        taking = consume(file.stream, cutter).then(
          (content) => {
            taken = { content, filename: safeFilename(file.originalname), mapping };
            done(null, {});
          },
          (error: Error) => {
            // A body that ends within the file is a fault of the multipart, which multer's own error words.
            if (error instanceof AppError) reject(error);
            done(error);
          },
        );
      },
      _removeFile(_req, _file, done) {
        (taken?.content.discard() ?? Promise.resolve()).then(() => done(null), done);
      },
    };
    let files = 0;
    // Said at once, not when a client that may never end has ended.
    const fileFilter = (_req: Request, file: Express.Multer.File, accept: FileFilterCallback) => {
      files++;
      if (files === 1 && file.fieldname === FILE_FIELD) return accept(null, true);
      const error = new AppError(files === 1 ? 'unexpected_field' : 'too_many_files');
      void taking.then(() => taken?.content.discard()).then(() => reject(error), reject);
      accept(error);
    };
    const receive = multer({ storage, fileFilter, limits: MULTIPART_LIMITS, defParamCharset: 'utf8' }).any();
    receive(req, res, (error: unknown) => {
      // A refusal says that nothing is left, so it waits until that is true.
      void taking.then(() => {
        if (error) reject(error instanceof AppError ? error : multipartError(error));
        else resolve(withMapping(taken, req, request.file));
      });
    });
  });
}

const MULTER_CODES: Partial<Record<MulterError['code'], ErrorCode>> = {
  LIMIT_FILE_COUNT: 'too_many_files',
  LIMIT_UNEXPECTED_FILE: 'unexpected_field',
  LIMIT_FIELD_COUNT: 'unexpected_field',
  LIMIT_FIELD_KEY: 'unexpected_field',
  LIMIT_FIELD_VALUE: 'invalid_parameter',
};

/** multer's and busboy's errors carry no status; those of the database pass through. */
function multipartError(error: unknown): unknown {
  if (error instanceof MulterError) return new AppError(MULTER_CODES[error.code] ?? 'invalid_multipart');
  const fromDatabase = (error as { code?: unknown }).code !== undefined;
  return fromDatabase ? error : new AppError('invalid_multipart', { cause: error });
}

/**
 * With the mapping of a part that came behind the file.
 * @throws AppError file_missing, unexpected_field, invalid_parameter; what was taken is discarded then
 */
async function withMapping<T extends Content>(
  taken: ReadUpload<T> | undefined,
  req: Request,
  options: ImportRequest['file'],
): Promise<ReadUpload<T>> {
  try {
    const mapping = taken?.mapping ?? mappingPart(req, options);
    if (taken === undefined) throw new AppError('file_missing');
    return { ...taken, mapping };
  } catch (error) {
    await taken?.content.discard();
    throw error;
  }
}

/**
 * Of the fields that have come so far.
 * @throws AppError unexpected_field for another one, invalid_parameter
 */
function mappingPart(req: Request, options: ImportRequest['file']): Mapping | undefined {
  const fields = (req.body ?? {}) as Record<string, unknown>;
  if (Object.keys(fields).some((name) => name !== MAPPING_FIELD)) throw new AppError('unexpected_field');
  const text = fields[MAPPING_FIELD];
  if (text === undefined) return undefined;
  const mapping = readMapping(String(text));
  if (mapping === undefined)
    throw new AppError('invalid_parameter', { details: 'Not allowed: the value of the part mapping.' });
  if (options.mapping !== undefined)
    throw new AppError('invalid_parameter', { details: 'There are two mappings: a parameter and a part.' });
  return mapping;
}

/** By its type or its name; undefined when neither says it. */
function formatOfFile({ mimetype, originalname }: Express.Multer.File): Format | undefined {
  if (mimetype === 'text/csv' || /\.(?:csv|tsv)$/i.test(originalname)) return 'csv';
  return NDJSON_TYPES.includes(mimetype) || /\.(?:ndjson|jsonl)$/i.test(originalname) ? 'ndjson' : undefined;
}

/** The last part of the client's path, without control characters; never used as a path by us. */
function safeFilename(original: string): string {
  const base = original.split(/[\\/]/).at(-1) ?? '';
  return base
    .toWellFormed()
    .replaceAll(/\p{Cc}/gu, '_')
    .slice(0, MAX_FILENAME_CHARACTERS)
    .replace(/[\ud800-\udbff]$/, '');
}
