/**
 * Reads the body of an import, whichever of its forms, and hands it on as it streams in, to be staged as a rule.
 * Multipart goes through multer with a storage engine of our own: what it "stores" goes there, so memory stays
 * flat and nothing is written to disk here. Everything that fails leaves nothing behind.
 */
import type { Readable } from 'node:stream';
import { MIMEType } from 'node:util';
import type { Request, Response } from 'express';
import multer, { type FileFilterCallback, MulterError, type StorageEngine } from 'multer';
import { AppError, type ErrorCode } from '#errors';
import { formatOfName } from '#file/format-of-name';
import type { Mapping } from '#job/reading';
import { createFileCutter, type FileCutter, type Format } from '#pipeline/cut/cut-file';
import type { ImportRequest } from '#pipeline/import-request';
import type { UploadMemory } from '#pipeline/upload-memory';
import { gunzip } from '#unpack/gunzip';
import { tellFound } from '#unpack/tell-found';
import { type Found, SHEET_CSV, unpack } from '#unpack/unpack';
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
/** They say nothing of the rows. What is packed is unpacked under every type. */
const PACKED_TYPES = [
  'application/gzip',
  'application/x-gzip',
  'application/zip',
  'application/x-zip-compressed',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
];

export interface UploadLimits {
  /** Of the file or body, packed and unpacked; a declared length beyond it is refused before it is sent. */
  maxBytes: number;
  /** Of all uploads of the process: what is held of workbooks counts there. */
  memory: UploadMemory;
}

type UploadRequest = Pick<ImportRequest, 'owner' | 'entity' | 'file'>;

/**
 * Reads the request's body to its end.
 * @throws AppError unsupported_media_type, payload_too_large, what the stage throws, and the multipart faults of the table
 */
export async function readUpload<T extends Content>(
  req: Request,
  res: Response,
  request: UploadRequest,
  limits: UploadLimits,
  consume: Consume<T>,
): Promise<ReadUpload<T>> {
  const { maxBytes } = limits;
  const type = readContentType(req);
  const encoding = (req.get('content-encoding') ?? 'identity').trim().toLowerCase();
  if (type?.essence === 'multipart/form-data' && encoding === 'identity') {
    if (!type.params.get('boundary')) throw new AppError('invalid_multipart');
    // multer does not see a form in every spelling of its type.
    req.headers['content-type'] = type.toString();
    askForBody(req, res, maxBytes, FORM_ALLOWANCE_BYTES);
    return readMultipart(req, res, request, limits, consume);
  }
  const isReadable = ['identity', 'gzip'].includes(encoding) && type !== undefined && isUtf8(type);
  const format = isReadable ? formatOf(type.essence) : undefined;
  if (format === undefined) throw new AppError('unsupported_media_type');
  askForBody(req, res, maxBytes);
  const { file: options } = request;
  const take = (body: Readable) => takeFile(body, { format, options, limits, request }, consume);
  const content = encoding === 'gzip' ? takeCompressed(req, take) : take(req);
  return { content: await content, filename: '' };
}

interface TakeOptions {
  /** By the type or the name of the file as it is sent. */
  format: Format | 'packed';
  options: ImportRequest['file'];
  limits: UploadLimits;
  request: UploadRequest;
}

/** Unpacks the file and takes in what was in it. */
async function takeFile<T extends Content>(
  file: Readable,
  take: TakeOptions,
  consume: Consume<T>,
): Promise<T> {
  const { limits, request, options } = take;
  const { hold, release } = limits.memory.begin(request.owner.environmentId);
  try {
    const unpacking = { maxBytes: limits.maxBytes, sheet: options.sheet, hold };
    const { body, dispose, ...found } = await unpack(file, unpacking);
    try {
      return await consume(body, cutterFor(found, take));
    } finally {
      await dispose();
    }
  } finally {
    release();
  }
}

/** What a file was packed in may say more than how it is sent. */
function cutterFor(found: Found, { format, options, request }: TakeOptions): FileCutter {
  if (found.container === 'xlsx') {
    const warnings = () => tellFound(found, options.sheet);
    const declared = { format: 'csv' as const, counts: 'records' as const, warnings };
    return createFileCutter(declared, request.entity, { ...options, ...SHEET_CSV });
  }
  const declared = format === 'packed' ? undefined : format;
  return createFileCutter({ format: formatOfName(found.name ?? '') ?? declared }, request.entity, options);
}

/** Undefined for a type that is none of an import. */
function formatOf(essence: string): Format | 'packed' | undefined {
  if (PACKED_TYPES.includes(essence)) return 'packed';
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

async function takeCompressed<R>(req: Request, take: (body: Readable) => Promise<R>): Promise<R> {
  const { body, stop } = gunzip(req);
  try {
    return await take(body);
  } finally {
    stop();
  }
}

/**
 * Answers a fault as soon as it is known, while multer still drains the rest of the body: hence the two ways out.
 */
function readMultipart<T extends Content>(
  req: Request,
  res: Response,
  request: UploadRequest,
  limits: UploadLimits,
  consume: Consume<T>,
): Promise<ReadUpload<T>> {
  return new Promise((resolve, reject) => {
    let taken: ReadUpload<T> | undefined;
    // Never rejects. multer does not wait for it when the form is cut.
    let taking: Promise<void> = Promise.resolve();
    const storage: StorageEngine = {
      _handleFile(_req, file, done) {
        let mapping: Mapping | undefined;
        try {
          mapping = mappingPart(req, request.file);
        } catch (error) {
          reject(error);
          return done(error);
        }
        const options = { ...request.file, mapping: mapping ?? request.file.mapping };
        const format = formatOfFile(file) ?? 'packed';
        taking = takeFile(file.stream, { format, options, limits, request }, consume).then(
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
  if (mimetype === 'text/csv') return 'csv';
  return NDJSON_TYPES.includes(mimetype) ? 'ndjson' : formatOfName(originalname);
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
