/**
 * Cursors of lists. A cursor says where a page ended, which may be somebody's id: so it is sealed (AES-256-GCM), and only
 * this installation can read it. Every list with its filters has a key of its own, derived from the installation's secret:
 * a cursor opens only the list that it was made for, in its own environment and with the same filters. The page size may
 * change from page to page.
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import type { z } from 'zod';
import { AppError } from '#errors';
import type { Store } from '#store/client';
import { readServiceSecret } from '#store/service-secrets';

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What a cursor belongs to. */
export interface CursorScope {
  /** Which list, with what its path names. */
  list: string;
  environmentId: number;
  /** Query parameters that choose what is listed. */
  filters?: Readonly<Record<string, string | undefined>>;
}

export class PageCursors {
  private secret: Promise<Buffer> | undefined;

  constructor(private readonly store: Pick<Store, 'pool'>) {}

  /** The text of a cursor that holds this value, which JSON can carry. Another text each time. */
  async seal(scope: CursorScope, value: unknown): Promise<string> {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, await this.keyOf(scope), nonce);
    const sealed = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString('base64url');
  }

  /**
   * The value of a cursor; undefined when there is no cursor.
   * @throws AppError invalid_parameter when it was not made by this installation for this list
   */
  async open<Shape extends z.ZodType>(
    scope: CursorScope,
    shape: Shape,
    text: string | undefined,
  ): Promise<z.output<Shape> | undefined> {
    if (text === undefined) return undefined;
    const opened = shape.safeParse(unseal(text, await this.keyOf(scope)));
    if (opened.success) return opened.data;
    throw new AppError('invalid_parameter', { details: 'Not allowed: the value of cursor.' });
  }

  private async keyOf({ list, environmentId, filters = {} }: CursorScope): Promise<Buffer> {
    const given = Object.entries(filters).filter(([, value]) => value !== undefined);
    const name = JSON.stringify([list, environmentId, given.sort(([a], [b]) => (a < b ? -1 : 1))]);
    return createHmac('sha256', await this.readSecret())
      .update(name)
      .digest();
  }

  private readSecret(): Promise<Buffer> {
    if (this.secret === undefined) {
      this.secret = readServiceSecret(this.store.pool, 'cursors');
      // A database that is away now may be there for the next who asks.
      this.secret.catch(() => {
        this.secret = undefined;
      });
    }
    return this.secret;
  }
}

/** Undefined when the text is none that was sealed with this key. */
function unseal(text: string, key: Buffer): unknown {
  const bytes = Buffer.from(text, 'base64url');
  // Node leaves out what is no base64url, so that many texts would be one cursor.
  if (bytes.length <= NONCE_BYTES + TAG_BYTES || bytes.toString('base64url') !== text) return undefined;
  const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    const plain = [decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()];
    return JSON.parse(Buffer.concat(plain).toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}
