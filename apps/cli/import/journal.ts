/**
 * How far an import of a file is, on disk, so that it goes on after Ctrl-C, a crash or a restart without a row sent twice.
 * Written (and synced) before a part is sent, with the key under which the server knows it again, and after it has ended.
 * The rows that are done are known by their number and by the digest of their bytes: a file that has changed there is
 * refused. Holds no rows and no key of the API.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { CliError } from '../exit-codes';
import { CELL_TYPES } from './csv-row';

const countsSchema = z.strictObject({
  created: z.int(),
  updated: z.int(),
  unchanged: z.int(),
  failed: z.int(),
  /** Rows of jobs of which the server does not say what became of each: a plain Userpilot. */
  untold: z.int(),
});
export type Counts = z.infer<typeof countsSchema>;

const journalSchema = z.strictObject({
  version: z.literal(1),
  /** Of this import, also when it is resumed: Idempotency-Keys are made of it. */
  run: z.uuid(),
  startedAt: z.iso.datetime(),
  limits: z.strictObject({ rows: z.int(), bytes: z.int() }),
  done: z.strictObject({ parts: z.int(), rows: z.int(), digest: z.string(), counts: countsSchema }),
  /** Types of the columns of a CSV. */
  types: z.array(z.enum(CELL_TYPES)).optional(),
  /** The part that was about to be sent; its job once the server has accepted it. */
  sending: z.strictObject({ part: z.int(), attempt: z.int(), jobId: z.string().optional() }).optional(),
});
export type Journal = z.infer<typeof journalSchema>;

/** What makes an import the same one. */
export interface ImportIdentity {
  url: string;
  file: string;
  /** What decides about the rows and what is done with them. */
  options: unknown;
}

export interface JournalFile {
  /** Undefined when no import of this identity is unfinished. @throws CliError refused when it cannot be read */
  read(): Journal | undefined;
  write(journal: Journal): void;
  remove(): void;
}

export function openJournal(identity: ImportIdentity, env: NodeJS.ProcessEnv = process.env): JournalFile {
  const folder = path.join(
    env.XDG_STATE_HOME || path.join(homedir(), '.local', 'state'),
    'muster',
    'imports',
  );
  const file = path.join(
    folder,
    `${createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32)}.json`,
  );
  return {
    read() {
      let text: string;
      try {
        text = readFileSync(file, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
      const journal = journalSchema.safeParse(JSON.parse(text));
      if (journal.success) return journal.data;
      throw new CliError('refused', `${file} is not of this version of muster; --restart begins anew.`);
    },
    write(journal) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const draft = `${file}.${process.pid}`;
      const handle = openSync(draft, 'w', 0o600);
      writeSync(handle, `${JSON.stringify(journal)}\n`);
      fsyncSync(handle);
      closeSync(handle);
      renameSync(draft, file);
    },
    remove() {
      rmSync(file, { force: true });
    },
  };
}
