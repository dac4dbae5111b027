/**
 * The part of a row that came with earlier chunks, while the rest is still on its way; shared by the cutters.
 * It copies, so it never holds a caller's chunk, and growing by doubling keeps it linear: a client that sends a long
 * row byte by byte costs neither an object for each byte nor a copy of all bytes so far.
 */
const EMPTY = Buffer.alloc(0);
const MIN_CAPACITY_BYTES = 1024;

/** Collects the pieces of one row after another. */
export class UnfinishedRow {
  private bytes: Buffer = EMPTY;
  private length = 0;

  get isEmpty(): boolean {
    return this.length === 0;
  }

  /** Copies the next piece of the row. */
  add(piece: Buffer): void {
    const length = this.length + piece.length;
    if (length > this.bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(MIN_CAPACITY_BYTES, length * 2));
      this.bytes.copy(larger, 0, 0, this.length);
      this.bytes = larger;
    }
    piece.copy(this.bytes, this.length);
    this.length = length;
  }

  /** The whole row with this last piece: the piece itself when there was nothing before it. Starts over. */
  finish(lastPiece: Buffer): Buffer {
    if (this.isEmpty) return lastPiece;
    this.add(lastPiece);
    const row = this.bytes.subarray(0, this.length);
    this.bytes = EMPTY;
    this.length = 0;
    return row;
  }
}
