/**
 * Takes a file out of what it is packed in: gzip, a zip archive with one file, or a workbook (XLSX), of which one sheet
 * becomes CSV. What is none of these passes untouched, as it comes.
 * Invariants: memory does not grow with the file, nothing of it ever has a name on the disk, and what it unpacks to is
 * bounded. It knows neither encodings nor formats of rows.
 */
import path from 'node:path/posix';
import { Readable } from 'node:stream';
import type { Entry } from 'yauzl';
import { AppError } from '#errors';
import { foreign, tooLarge } from './faults';
import { gunzip } from './gunzip';
import { Zip } from './open-zip';
import { keepErrors, peek } from './peek';
import { spoolBody } from './spool-body';
import { isWorkbook, openSheet } from './xlsx/open-workbook';
import type { CellFaults } from './xlsx/sheet-to-csv';

export type Container = 'gzip' | 'zip' | 'xlsx';

export interface UnpackOptions {
  /** Of the packed file where it must be whole before it is read, and of a zip archive's file. The caller bounds the rest. */
  maxBytes: number;
  /** Name or number of a sheet. */
  sheet?: string | undefined;
  /** Is told how many bytes of a workbook's texts are held in memory, and may throw. */
  hold?: ((bytes: number) => void) | undefined;
}

/** What a file was packed in. */
export interface Found {
  container: Container | null;
  /** The file in the archive, or the sheet. Absent for gzip, whose file is called as the archive is, without .gz. */
  name?: string | undefined;
  /** Names of all sheets of the workbook, in their order. */
  sheets?: string[] | undefined;
  /** Cells of the sheet that had no value to be read. Complete when the body was read to its end. */
  faults?: CellFaults | undefined;
}

export interface Unpacked extends Found {
  /** Of a workbook: CSV in UTF-8 with commas and \n, one record for each row of the sheet, an empty line for a blank one. */
  body: Readable;
  /** To be called in every case, read to the end or not. Repeatable. */
  dispose(): Promise<void>;
}

/** How a sheet is written, in the words of a cutter's options: nothing of it is to be guessed, or said by the client. */
export const SHEET_CSV = { delimiter: ',', encoding: 'utf-8' } as const;

/** The first bytes of what is unpacked here. */
const SIGNATURES: readonly (readonly [Container, Buffer])[] = [
  ['gzip', Buffer.from([0x1f, 0x8b])],
  ['zip', Buffer.from('PK\x03\x04', 'latin1')],
  // An archive without entries.
  ['zip', Buffer.from('PK\x05\x06', 'latin1')],
];

/**
 * @param body is not destroyed, whatever happens
 * @throws AppError invalid_json, too_many_files, empty_import, payload_too_large, invalid_parameter, unavailable; the
 * body's own error. `body` of the result fails likewise
 */
export async function unpack(body: Readable, options: UnpackOptions): Promise<Unpacked> {
  const peeked = await peek(keepErrors(body), isDecided);
  const container = containerOf(peeked.head);
  if (container === undefined) {
    requireWorkbook(options.sheet);
    return { body: peeked.body, container: null, dispose: async () => {} };
  }
  return container === 'gzip' ? unpackGzip(peeked.body, options) : unpackZip(peeked.body, options);
}

function containerOf(head: Buffer): Container | undefined {
  return SIGNATURES.find(([, bytes]) => head.subarray(0, bytes.length).equals(bytes))?.[0];
}

function isDecided(head: Buffer): boolean {
  return SIGNATURES.every(
    ([, bytes]) => head.length >= bytes.length || !bytes.subarray(0, head.length).equals(head),
  );
}

async function unpackGzip(source: Readable, { sheet }: UnpackOptions): Promise<Unpacked> {
  requireWorkbook(sheet);
  const { body, stop } = gunzip(source);
  const dispose = async () => stop();
  return { body: await plainBody(body, 'gzip file', dispose), container: 'gzip', dispose };
}

async function unpackZip(source: Readable, options: UnpackOptions): Promise<Unpacked> {
  const { file, bytes } = await spoolBody(source, options.maxBytes);
  let open: Readable | undefined;
  const dispose = async () => {
    open?.destroy();
    await file.close();
  };
  try {
    const zip = await Zip.open(file, bytes);
    if (isWorkbook(zip)) {
      const { csv, ...found } = await openSheet(zip, options);
      open = keepErrors(Readable.from(csv, { objectMode: false }));
      return { body: open, container: 'xlsx', ...found, dispose };
    }
    refuseForeign(zip);
    requireWorkbook(options.sheet);
    const entry = onlyFile(zip.entries);
    if (entry.uncompressedSize > options.maxBytes) throw tooLarge(`The limit is ${options.maxBytes} bytes.`);
    open = keepErrors(Readable.from(zip.read(entry), { objectMode: false }));
    const body = await plainBody(open, 'zip archive', dispose);
    return { body, container: 'zip', name: path.basename(entry.fileName), dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** @throws AppError invalid_json when something packed is in something packed */
async function plainBody(body: Readable, what: string, dispose: () => Promise<void>): Promise<Readable> {
  try {
    const inner = await peek(body, isDecided);
    if (containerOf(inner.head) === undefined) return inner.body;
    throw foreign(`a ${what} that holds another packed file`, 'Unpack it once and send what is in it.');
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Archives that are documents of other programs: by a part that all of them have. */
const DOCUMENTS: readonly (readonly [part: RegExp, name: string])[] = [
  [/^xl\/workbook\.bin$/, 'a binary Excel workbook (XLSB)'],
  [/^content\.xml$/, 'a spreadsheet or document of OpenDocument (ODS, ODT)'],
  [/^Index\/Document\.iwa$|^Index\.zip$/, 'a Numbers spreadsheet'],
  [/^(?:word|ppt)\//, 'a document of Word or PowerPoint'],
];

/** @throws AppError invalid_json */
function refuseForeign({ entries }: Zip): void {
  const found = DOCUMENTS.find(([part]) => entries.some(({ fileName }) => part.test(fileName)));
  const isAlone = entries.length === 1;
  if (found === undefined || isAlone) return;
  throw foreign(found[1], 'Save the sheet as XLSX or as CSV in UTF-8 and send that.');
}

/** Programs that pack leave files of their own beside the one that was meant. */
function isClutter(name: string): boolean {
  return (
    name.startsWith('__MACOSX/') || ['.DS_Store', 'Thumbs.db', 'desktop.ini'].includes(path.basename(name))
  );
}

function onlyFile(entries: readonly Entry[]): Entry {
  const [entry, ...others] = entries.filter(({ fileName }) => !isClutter(fileName));
  if (entry === undefined) throw new AppError('empty_import', { details: 'The zip archive has no file.' });
  if (others.length > 0) {
    const details = `The zip archive has ${others.length + 1} files. Send them one by one.`;
    throw new AppError('too_many_files', { details });
  }
  return entry;
}

/** A choice that cannot be followed is refused, not forgotten. */
function requireWorkbook(sheet: string | undefined): void {
  if (sheet === undefined) return;
  throw new AppError('invalid_parameter', { details: 'sheet is for a workbook (XLSX); this file is none.' });
}
