/**
 * A cutter that first looks at what the body is, whatever it is called: a JSON document in a file is read as one, and what
 * is no text of ours is refused with the name of what it is, before anything is accepted.
 * Invariant: the rows depend on the bytes of the body alone, not on how they were cut into chunks.
 */
import { AppError } from '#errors';
import { HEAD_BYTES, recognize } from '#file/recognize';
import type { EntityTraits } from '#job/entity';
import { createCutter, type Format } from './create-cutter';
import type { EmitRow, RowCutter } from './row-cutter';

/** How the client says what it sends. */
export interface Declared {
  format: Format;
  /** A file of a form says little of what is in it; a body says it by its type. */
  isFile: boolean;
}

/** Its calls throw AppError invalid_json (of a CSV: missing_users, missing_companies) for a body that is something else. */
export function createCutterByContent(declared: Declared, traits: EntityTraits): RowCutter {
  return new CutterByContent(declared, traits);
}

class CutterByContent implements RowCutter {
  private cutter: RowCutter | undefined;
  private head: Buffer = Buffer.alloc(0);

  constructor(
    private readonly declared: Declared,
    private readonly traits: EntityTraits,
  ) {}

  get header(): Buffer | undefined {
    return this.cutter?.header;
  }

  get unfinishedBytes(): number {
    return this.cutter?.unfinishedBytes ?? this.head.length;
  }

  push(chunk: Buffer, emit: EmitRow): void {
    if (this.cutter !== undefined) {
      this.cutter.push(chunk, emit);
      return;
    }
    this.head = this.head.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.head, chunk]);
    if (this.head.length >= HEAD_BYTES) this.begin(emit);
  }

  end(emit: EmitRow): void {
    (this.cutter ?? this.begin(emit)).end(emit);
  }

  private begin(emit: EmitRow): RowCutter {
    this.cutter = createCutter(this.formatOf(this.head), this.traits);
    if (this.head.length > 0) this.cutter.push(this.head, emit);
    this.head = Buffer.alloc(0);
    return this.cutter;
  }

  private formatOf(head: Buffer): Format {
    const { format, isFile } = this.declared;
    const found = recognize(head);
    if (found.kind === 'foreign') {
      const code = format === 'csv' ? this.traits.missingCode : 'invalid_json';
      throw new AppError(code, { details: `This is ${found.name}. ${found.advice}` });
    }
    if (found.kind !== 'document' || format !== 'ndjson') return format;
    if (isFile) return 'json';
    throw new AppError('invalid_json', {
      details: 'This is one JSON document, not one object a line. Send it as application/json.',
    });
  }
}
