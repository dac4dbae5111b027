/**
 * The part of a row that came with earlier chunks, while the rest is still on its way; shared by the cutters.
 * It copies into blocks, so it never holds a caller's chunk: a client that sends a long row byte by byte costs neither an
 * object for each byte nor a copy of all bytes so far, and a long row no more memory than it has bytes. Of a row that is
 * longer than a row may be, the beginning and the pieces can be taken away as they come.
 */
import { MAX_ROW_BYTES } from '../read-row';

const EMPTY = Buffer.alloc(0);
/** What is held of a row before it is handed on as a long one: beyond the limit without a byte order mark and the line's end. */
const MAX_HELD_BYTES = MAX_ROW_BYTES + 8;
const MIN_BLOCK_BYTES = 1024;
const MAX_BLOCK_BYTES = 256 * 1024;

/** Collects the pieces of one row after another. */
export class UnfinishedRow {
  private full: Buffer[] = [];
  private fullBytes = 0;
  private block: Buffer = EMPTY;
  private length = 0;
  private handsOn = false;

  /** Whether the beginning of this row has been taken away. */
  get isLong(): boolean {
    return this.handsOn;
  }

  get isEmpty(): boolean {
    return this.byteLength === 0;
  }

  get byteLength(): number {
    return this.fullBytes + this.length;
  }

  /** Copies the next piece of the row. */
  add(piece: Buffer): void {
    for (let from = 0; from < piece.length; ) {
      if (this.length === this.block.length) this.makeRoom(piece.length - from);
      const copied = piece.copy(this.block, this.length, from);
      this.length += copied;
      from += copied;
    }
  }

  /** The whole row, or what is left of a long one, with this last piece: the piece itself when nothing is held. Starts over. */
  finish(lastPiece: Buffer): Buffer {
    this.handsOn = false;
    if (this.isEmpty) return lastPiece;
    const row = Buffer.concat([...this.full, this.block.subarray(0, this.length), lastPiece]);
    this.full = [];
    this.fullBytes = 0;
    this.block = EMPTY;
    this.length = 0;
    return row;
  }

  /**
   * The next piece of a long row: first its beginning, which is longer than a row may be. The last byte stays, because it may
   * belong to the line's end. Undefined while there is too little.
   */
  takeLong(): { piece: Buffer; isFirst: boolean } | undefined {
    const isFirst = !this.handsOn;
    if (this.byteLength <= (isFirst ? MAX_HELD_BYTES : MAX_BLOCK_BYTES)) return undefined;
    const held = this.finish(EMPTY);
    this.add(held.subarray(-1));
    this.handsOn = true;
    return { piece: held.subarray(0, -1), isFirst };
  }

  /** Small rows stay in one block, which doubles; long ones get one block after another. */
  private makeRoom(bytes: number): void {
    const size = Math.min(MAX_BLOCK_BYTES, Math.max(MIN_BLOCK_BYTES, (this.length + bytes) * 2));
    const larger = Buffer.allocUnsafe(size);
    if (this.block.length < MAX_BLOCK_BYTES) {
      this.block.copy(larger, 0, 0, this.length);
    } else {
      this.full.push(this.block);
      this.fullBytes += this.length;
      this.length = 0;
    }
    this.block = larger;
  }
}
