/**
 * Cuts JSON objects that stand one after another, over several lines or on one, with or without commas between them.
 * It only follows brackets and strings: whether a row is right is decided later. An object that is not closed ends where
 * the next one begins at the start of a line.
 * Invariant: the rows depend on the bytes of the body alone, not on how they were cut into chunks.
 */
import type { EmitRow, EmitTail, RowCutter } from './row-cutter';
import { UnfinishedRow } from './unfinished-row';

const [TAB, LINE_FEED, CARRIAGE_RETURN, SPACE, QUOTE, COMMA, BACKSLASH] = [
  0x09, 0x0a, 0x0d, 0x20, 0x22, 0x2c, 0x5c,
];
const [OPENING_BRACE, OPENING_BRACKET, CLOSING_BRACE, CLOSING_BRACKET] = [0x7b, 0x5b, 0x7d, 0x5d];
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/** Creates a cutter for one body. A row that goes over several lines has spaces for the line breaks between its tokens. */
export function createObjectsCutter(): RowCutter {
  return new ObjectsCutter();
}

class ObjectsCutter implements RowCutter {
  private readonly unfinished = new UnfinishedRow();
  private isInRow = false;
  /** What does not begin as an object does ends with its line. */
  private isContainer = false;
  private isInString = false;
  private isEscaped = false;
  private isLineStart = false;
  private depth = 0;
  private line = 1;
  private rowLine = 1;

  get unfinishedBytes(): number {
    return this.unfinished.byteLength;
  }

  push(chunk: Buffer, emit: EmitRow, emitTail?: EmitTail): void {
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      const restarts = this.isInRow && this.isContainer && this.isLineStart && byte === OPENING_BRACE;
      if (restarts) this.finish(chunk.subarray(start, at), emit, emitTail);
      if (!this.isInRow) {
        if (!this.begins(byte)) continue;
        start = at;
      }
      const isOver = this.isContainer ? this.follow(byte) : byte === LINE_FEED;
      this.isLineStart = byte === LINE_FEED;
      if (isOver) {
        this.finish(chunk.subarray(start, this.isContainer ? at + 1 : at), emit, emitTail);
        start = at + 1;
      }
      if (byte === LINE_FEED) this.line++;
    }
    if (!this.isInRow) return;
    this.unfinished.add(chunk.subarray(start));
    if (emitTail !== undefined) this.handOn(emit, emitTail);
  }

  end(emit: EmitRow, emitTail?: EmitTail): void {
    if (this.isInRow) this.finish(Buffer.alloc(0), emit, emitTail);
  }

  /** Whether a row begins with this byte. */
  private begins(byte: number): boolean {
    if (byte === LINE_FEED) this.line++;
    const isBetween =
      byte === LINE_FEED || byte === CARRIAGE_RETURN || byte === SPACE || byte === TAB || byte === COMMA;
    if (isBetween || BYTE_ORDER_MARK.includes(byte)) return false;
    this.isInRow = true;
    this.isContainer = byte === OPENING_BRACE || byte === OPENING_BRACKET;
    this.rowLine = this.line;
    this.isLineStart = false;
    this.depth = 0;
    this.isInString = false;
    return true;
  }

  /** Whether the object ends with this byte. */
  private follow(byte: number): boolean {
    if (this.isInString) {
      if (this.isEscaped) this.isEscaped = false;
      else if (byte === BACKSLASH) this.isEscaped = true;
      else if (byte === QUOTE) this.isInString = false;
      return false;
    }
    if (byte === QUOTE) this.isInString = true;
    else if (byte === OPENING_BRACE || byte === OPENING_BRACKET) this.depth++;
    else if (byte === CLOSING_BRACE || byte === CLOSING_BRACKET) this.depth--;
    return this.depth <= 0 && !this.isInString && byte !== QUOTE;
  }

  private finish(lastPiece: Buffer, emit: EmitRow, emitTail?: EmitTail): void {
    const { isLong } = this.unfinished;
    const raw = onOneLine(this.unfinished.finish(lastPiece));
    this.isInRow = false;
    this.isEscaped = false;
    if (isLong) emitTail?.(raw);
    else emit(raw, this.rowLine);
  }

  private handOn(emit: EmitRow, emitTail: EmitTail): void {
    const long = this.unfinished.takeLong();
    if (long === undefined) return;
    if (long.isFirst) emit(onOneLine(long.piece), this.rowLine);
    else emitTail(onOneLine(long.piece));
  }
}

/** With spaces for the line breaks between tokens. One within a string stays: it is a fault of the row. */
function onOneLine(raw: Buffer): Buffer {
  const trimmed = trimEnd(raw);
  if (!trimmed.includes(LINE_FEED) && !trimmed.includes(CARRIAGE_RETURN)) return trimmed;
  const copy = Buffer.from(trimmed);
  let [isInString, isEscaped] = [false, false];
  for (let at = 0; at < copy.length; at++) {
    const byte = copy[at];
    if (isInString) {
      if (isEscaped) isEscaped = false;
      else if (byte === BACKSLASH) isEscaped = true;
      else if (byte === QUOTE) isInString = false;
    } else if (byte === QUOTE) isInString = true;
    else if (byte === LINE_FEED || byte === CARRIAGE_RETURN) copy[at] = SPACE;
  }
  return copy;
}

function trimEnd(raw: Buffer): Buffer {
  let end = raw.length;
  while (end > 0 && [LINE_FEED, CARRIAGE_RETURN, SPACE, TAB, COMMA].includes(raw[end - 1] as number)) end--;
  return raw.subarray(0, end);
}
