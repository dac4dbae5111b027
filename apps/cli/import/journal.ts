/**
 * How far an import is, on disk, so that it goes on after Ctrl-C, a crash or a restart without a row sent twice. Written
 * (and synced) before a part is sent, with the key under which the server knows it again, and after it has ended. The rows
 * that are done are known by their number and by the digest of their bytes: a file that has changed there is refused.
 * Holds no rows and no key of the API.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { CELL_TYPES } from '#job/reading';
import { CliError } from '../exit-codes';
import { parseJson } from '../parse-json';
import type { ServerAccess } from '../settings';
import { type ImportRequest, importRequestSchema } from './request';

const countsSchema = z.strictObject({
  created: z.int(),
  updated: z.int(),
  unchanged: z.int(),
  failed: z.int(),
  /** Rows of jobs of which the server does not say what became of each: a plain Userpilot. */
  untold: z.int(),
});
export type Counts = z.infer<typeof countsSchema>;

export const NO_COUNTS: Readonly<Counts> = { created: 0, updated: 0, unchanged: 0, failed: 0, untold: 0 };

const journalSchema = z.strictObject({
  version: z.literal(1),
  /** Of this import, also when it goes on: Idempotency-Keys are made of it. */
  run: z.uuid(),
  startedAt: z.iso.datetime(),
  /** Of the server and its key: who goes on must mean the same environment. */
  access: z.string(),
  request: importRequestSchema,
  /** The parts that have ended. */
  done: z.strictObject({
    parts: z.int(),
    counts: countsSchema,
    /** The last job with failed rows. */
    failedJob: z.string().optional(),
  }),
  /** The file in work. */
  file: z.strictObject({
    index: z.int(),
    /** Rows of it that are done, and the digest of their bytes. */
    rows: z.int(),
    digest: z.string(),
    /** Types of the columns of a CSV. */
    types: z.array(z.enum(CELL_TYPES)).optional(),
  }),
  errorFile: z.strictObject({ rows: z.int(), reasons: z.int() }).optional(),
  /** The part that was about to be sent; its job once the server has accepted it. */
  sending: z
    .strictObject({
      attempt: z.int(),
      /** As that of `file`, this part's rows included. */
      digest: z.string(),
      jobId: z.string().optional(),
    })
    .optional(),
});
export type Journal = z.infer<typeof journalSchema>;

export interface JournalFile {
  /** Undefined when this import is not unfinished. @throws CliError refused when it is of another version */
  read(): Journal | undefined;
  write(journal: Journal): void;
  remove(): void;
}

/** Names an environment of a server without its key. */
export function identify({ url, apiKey }: ServerAccess): string {
  return createHash('sha256').update(`${url}\n${apiKey}`).digest('hex').slice(0, 32);
}

/** The journal of an import: the same access, kind and files have the same one. */
export function openJournal(
  access: string,
  { kind, files }: Pick<ImportRequest, 'kind' | 'files'>,
): JournalFile {
  const name = createHash('sha256')
    .update(JSON.stringify([access, kind, files]))
    .digest('hex')
    .slice(0, 32);
  const file = path.join(journalFolder(), `${name}.json`);
  return {
    read: () => readJournal(file),
    write: (journal) => writeDurably(file, `${JSON.stringify(journal)}\n`),
    remove: () => rmSync(file, { force: true }),
  };
}

/** The imports of an environment that have not ended, oldest first. @throws CliError refused as `read` */
export function findUnfinished(access: string): Journal[] {
  return namesIn(journalFolder())
    .filter((name) => name.endsWith('.json'))
    .map((name) => readJournal(path.join(journalFolder(), name)))
    .filter((journal): journal is Journal => journal?.access === access)
    .sort((a, b) => a.startedAt.localeCompare(b.startedAt));
}

/** As the XDG base directory specification has it. */
function journalFolder(): string {
  const state = process.env.XDG_STATE_HOME || path.join(homedir(), '.local', 'state');
  return path.join(state, 'muster', 'imports');
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function readJournal(file: string): Journal | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const journal = journalSchema.safeParse(parseJson(text));
  if (journal.success) return journal.data;
  throw new CliError('refused', `${file} was written by another version of muster. Remove it to begin anew.`);
}

/** After a crash of the machine too there is either what was there before or all of this. */
function writeDurably(file: string, text: string): void {
  const folder = path.dirname(file);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}`;
  const handle = openSync(draft, 'w', 0o600);
  writeFileSync(handle, text);
  fsyncSync(handle);
  closeSync(handle);
  renameSync(draft, file);
  const entry = openSync(folder, 'r');
  fsyncSync(entry);
  closeSync(entry);
}
