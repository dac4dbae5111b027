/**
 * The part of a row that came with earlier chunks, while the rest is still on its way; shared by the cutters.
 * It copies into blocks, so it never holds a caller's chunk: a client that sends a long row byte by byte costs neither an
 * object for each byte nor a copy of all bytes so far, and a long row no more memory than it has bytes.
 */
const EMPTY = Buffer.alloc(0);
const MIN_BLOCK_BYTES = 1024;
const MAX_BLOCK_BYTES = 256 * 1024;

/** Collects the pieces of one row after another. */
export class UnfinishedRow {
  private full: Buffer[] = [];
  private fullBytes = 0;
  private block: Buffer = EMPTY;
  private length = 0;

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

  /** The whole row with this last piece: the piece itself when there was nothing before it. Starts over. */
  finish(lastPiece: Buffer): Buffer {
    if (this.isEmpty) return lastPiece;
    const row = Buffer.concat([...this.full, this.block.subarray(0, this.length), lastPiece]);
    this.full = [];
    this.fullBytes = 0;
    this.block = EMPTY;
    this.length = 0;
    return row;
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
