/**
 * Streams a body into the staging table, in constant memory: bytes are cut into rows, which wait in a temporary file until
 * the body is whole, and are then written by COPY, about a megabyte at a time. So an upload that is refused or aborted
 * writes nothing to the database, and a slow client holds no connection.
 *
 * Until `accept` there is no job, no slot and nothing that anyone can see. `accept` commits the rows of a body larger than
 * one buffer under an entry in `uploads`, and removes the entry in the transaction that makes the job; whatever a crash
 * leaves in between is found by that entry and swept.
 */
import type { Readable } from 'node:stream';
import { AppError } from '#errors';
import type { Job } from '#job/job';
import { MAX_SHOWN_WARNINGS, shortenWarnings, wordWarning } from '#job/observations';
import type { Mapping } from '#job/reading';
import type { Queryable, Store, Transaction } from '#store/client';
import { insertWarnings } from '#store/job-warnings';
import { insertJob } from '#store/jobs';
import { requireOpenEnvironment } from '#store/open-environment';
import { insertRowTails, type RowTail } from '#store/row-tails';
import { copyStagedRows, StagingBuffer } from '#store/staged-rows';
import { beginUpload, discardUpload, endUpload } from '#store/uploads';
import type { FileCutter, SettledFile } from './cut/cut-file';
import type { ImportRequest } from './import-request';
import { RequestDigest, requireSize } from './request-digest';
import { inPlace, requireRoom, takePlace } from './slot';
import { requireStorage } from './storage-quota';
import type { UploadMemory, UploadShare } from './upload-memory';
import { type Staged, UploadSpool } from './upload-spool';

const PIECE_BYTES = 1024 * 1024;
/** Pieces that one transaction writes: fewer commits, and no connection is held for long. */
const TRANSACTION_PIECES = 8;

export interface StageOptions {
  store: Store;
  jobId: string;
  request: ImportRequest;
  maxRows: number;
  /** Bytes of the body after decompression. */
  maxBytes: number;
  /** Bytes of all imports that the environment may keep; 0 = no limit. */
  maxStoredBytes: number;
  cutter: FileCutter;
  /** Of all uploads of the process. */
  memory: UploadMemory;
  /** Whether the digest will be asked for. */
  withDigest: boolean;
}

/** What an upload says of its file. */
export interface UploadedFile {
  /** Safe base name; empty for a body. */
  filename: string;
  /** A mapping that came behind the file. */
  mapping?: Mapping | undefined;
}

/** A body whose rows are all staged. Call one of the two methods, once. */
export interface StagedUpload {
  rows: number;
  bytes: number;
  /** SHA-256 of the request: its parameters and the bytes of the body. */
  digest: Buffer;
  /**
   * Makes the job: after this everything is committed and the job holds the slot or its place in the line.
   * @param file its safe base name, and the mapping that came behind it
   * @param also what else belongs to the same transaction
   * @throws AppError job_in_progress when another request was faster, storage_full, what the cutter's `settle` throws, and
   * what `also` throws; nothing is left then
   */
  accept(file: UploadedFile, also?: (tx: Transaction, job: Job) => Promise<void>): Promise<Job>;
  /** Removes every trace. */
  discard(): Promise<void>;
}

/**
 * Reads the body to its end. When it throws, nothing is left and the rest of the body is still unread.
 * @throws AppError payload_too_large, too_many_rows, empty_import, job_in_progress, storage_full, unavailable, and what the cutter throws; the body's own error
 * when the client goes away
 */
export async function stage(body: Readable, options: StageOptions): Promise<StagedUpload> {
  const upload = new Upload(options);
  try {
    await upload.read(body);
  } catch (error) {
    await upload.discard();
    throw error;
  }
  return upload;
}

class Upload implements StagedUpload {
  rows = 0;
  bytes = 0;
  private readonly buffer: StagingBuffer;
  private tails: RowTail[] = [];
  private tailBytes = 0;
  /** How many pieces the last row has beside its beginning. */
  private tailPieces = 0;
  private readonly hash: RequestDigest;
  private readonly share: UploadShare;
  private readonly spool = new UploadSpool();
  /** Rows are committed under an entry in `uploads`. */
  private begun = false;

  constructor(private readonly options: StageOptions) {
    this.buffer = new StagingBuffer(options.request.owner.environmentId, options.jobId);
    this.hash = new RequestDigest(options.request);
    this.share = options.memory.begin(options.request.owner.environmentId);
  }

  private get quota() {
    const { request, maxStoredBytes } = this.options;
    return { environmentId: request.owner.environmentId, maxStoredBytes };
  }

  get digest(): Buffer {
    return this.hash.value;
  }

  async read(body: Readable): Promise<void> {
    const { cutter, maxBytes, withDigest } = this.options;
    // The body is not destroyed on a fault: the client, still writing, is to read our answer.
    for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      this.bytes += chunk.length;
      requireSize(this.bytes, maxBytes);
      if (withDigest) this.hash.update(chunk);
      cutter.push(chunk, this.add, this.addTail);
      this.share.hold(cutter.unfinishedBytes + this.stagedBytes);
      if (this.stagedBytes >= PIECE_BYTES) await this.putAside();
    }
    cutter.end(this.add, this.addTail);
    if (this.rows === 0) {
      const details = cutter.header === undefined ? undefined : 'The file has a header line and no rows.';
      throw new AppError('empty_import', details === undefined ? {} : { details });
    }
  }

  private readonly add = (raw: Buffer, line: number | null): void => {
    if (this.rows === this.options.maxRows) {
      throw new AppError('too_many_rows', { details: `The limit is ${this.options.maxRows} rows.` });
    }
    this.rows++;
    this.tailPieces = 0;
    this.buffer.add(this.rows, line, raw);
  };

  private readonly addTail = (piece: Buffer): void => {
    this.tails.push({ row: this.rows, piece: this.tailPieces++, raw: Buffer.from(piece) });
    this.tailBytes += piece.length;
  };

  /** Bytes that wait to be written. */
  private get stagedBytes(): number {
    return this.buffer.byteLength + this.tailBytes;
  }

  private takeStaged(): Staged {
    const staged = { rows: this.buffer.take(), tails: this.tails };
    this.tails = [];
    this.tailBytes = 0;
    return staged;
  }

  private async write(tx: Transaction, { rows, tails }: Staged): Promise<void> {
    const { request, jobId } = this.options;
    if (rows.length > 0) await copyStagedRows(tx, rows);
    await insertRowTails(tx, { environmentId: request.owner.environmentId, jobId }, tails);
  }

  private async putAside(): Promise<void> {
    await this.requireUse(this.options.store.pool);
    await this.spool.add(this.takeStaged());
  }

  /** Another upload may have been faster, or there is no room: then there is no use in reading on. */
  private async requireUse(db: Queryable): Promise<void> {
    await requireRoom(db, this.options.request);
    await requireStorage(db, { ...this.quota, more: this.bytes });
  }

  /** Commits what was put aside, some pieces at a time. */
  private async stageSpooled(): Promise<void> {
    const { store, request, jobId } = this.options;
    const { environmentId } = request.owner;
    const { spool } = this;
    for (let from = 0; from < spool.pieces; from += TRANSACTION_PIECES) {
      await store.bulkTransaction(environmentId, async (tx) => {
        await requireOpenEnvironment(tx, environmentId);
        await this.requireUse(tx);
        if (from === 0) await beginUpload(tx, environmentId, jobId);
        for await (const piece of spool.read(from, from + TRANSACTION_PIECES)) await this.write(tx, piece);
        // The job's own commit waits for the disk, and with it for everything that was written before.
        await tx.query('SET LOCAL synchronous_commit = off');
      });
      this.begun = true;
    }
    await spool.close();
  }

  async accept(
    file: UploadedFile,
    also: (tx: Transaction, job: Job) => Promise<void> = async () => {},
  ): Promise<Job> {
    const { store, request } = this.options;
    const rest = this.takeStaged();
    let settled: SettledFile;
    try {
      settled = this.options.cutter.settle(file.mapping);
      this.hash.addMapping(file.mapping);
      await this.stageSpooled();
    } catch (error) {
      await this.discard();
      throw error;
    }
    const make = () =>
      store.transaction(async (tx) => {
        const job = await this.makeJob(tx, rest, file.filename, settled);
        await also(tx, job);
        return job;
      });
    try {
      return await inPlace(store.pool, request, make);
    } catch (error) {
      // Whether a commit that was cut off has happened is not known: then nothing is removed here, and the sweep of
      // abandoned uploads tells by the entry in `uploads`.
      if (error instanceof AppError) await this.discard();
      throw error;
    } finally {
      this.share.release();
    }
  }

  private async makeJob(
    tx: Transaction,
    rest: Staged,
    filename: string,
    { reading, warnings }: SettledFile,
  ): Promise<Job> {
    const { request, jobId, cutter } = this.options;
    const { owner, entity, requestId, dryRun, metadataMode, existingMode, nested } = request;
    await requireOpenEnvironment(tx, owner.environmentId);
    const place = await takePlace(tx, request);
    await this.write(tx, rest);
    if (this.begun) await endUpload(tx, jobId);
    const stored = warnings.map(({ code, path, detail }) => ({ code, path, type: detail, rows: this.rows }));
    const worded = stored.map((warning) => wordWarning({ ...warning, knownTypes: null }));
    const job = await insertJob(tx, {
      ...place,
      warnings: shortenWarnings(worded, MAX_SHOWN_WARNINGS),
      id: jobId,
      environmentId: owner.environmentId,
      entity,
      filename,
      csvHeader: cutter.header ?? null,
      fileSize: this.bytes,
      totalRows: this.rows,
      requestId,
      dryRun,
      metadataMode,
      existingMode,
      nested,
      reading,
      parentJobId: null,
    });
    await insertWarnings(tx, job, stored);
    await requireStorage(tx, { ...this.quota, more: 0 });
    return job;
  }

  async discard(): Promise<void> {
    const { store, request, jobId } = this.options;
    const { environmentId } = request.owner;
    this.share.release();
    await this.spool.close();
    // Deleting what is large takes long, too.
    if (this.begun)
      await store.bulkTransaction(environmentId, (tx) => discardUpload(tx, environmentId, jobId));
  }
}
