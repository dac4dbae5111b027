/**
 * Cuts a JSON body, `{"users": [...]}` or a bare array, into the elements of its array.
 * It never parses an element: each is handed on as its own bytes, and memory holds the current element at most.
 * Invariant: when `end` returns, the whole body was one valid JSON text with the array at its place. Elements are
 * emitted before that is known, so the caller discards them when a later call throws.
 */
import { AppError } from '#errors';
import { JsonSyntax } from './json-syntax';
import type { EmitRow, EmitTail, RowCutter } from './row-cutter';
import { UnfinishedRow } from './unfinished-row';

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const OPENING_BRACKET = 0x5b;
const OPENING_BRACE = 0x7b;

/** What `\u0075` and the like make of one character. */
const LONGEST_ESCAPE_BYTES = 6;

export interface JsonArrayOptions {
  /** The key of the top-level object whose value is the array. */
  envelope: string;
  /** The code of the error that answers valid JSON without that array. */
  missing: 'missing_users' | 'missing_companies';
}

/**
 * Creates a cutter for one JSON body. Other keys beside the envelope are checked and ignored. An element's text has a
 * space for each line break between its tokens, so that it is one line; `line` is null. `push` and `end` throw AppError
 * invalid_json at the first fault of syntax or when the envelope's key comes twice; `end` throws `options.missing`
 * when valid JSON has no array to cut.
 */
export function createJsonArrayCutter(options: JsonArrayOptions): RowCutter {
  return new JsonArrayCutter(options);
}

class JsonArrayCutter implements RowCutter {
  private readonly syntax = new JsonSyntax();
  private readonly unfinished = new UnfinishedRow();
  /** Whether the bytes being read belong to an element, or to a key that may be the envelope's. */
  private capturing: false | 'element' | 'key' = false;
  /** How many containers are around the elements; null while not in the array. */
  private elementDepth: number | null = null;
  /** What stands at the outermost place so far, and what became of the envelope in it. */
  private found: 'no_container' | 'no_key' | 'no_array' | 'array' = 'no_container';
  private isAfterEnvelopeKey = false;

  constructor(private readonly options: JsonArrayOptions) {}

  get unfinishedBytes(): number {
    return this.unfinished.byteLength;
  }

  push(chunk: Buffer, emit: EmitRow, emitTail?: EmitTail): void {
    const { syntax } = this;
    let start = 0;
    let at = 0;
    for (;;) {
      at = syntax.advance(chunk, at);
      if (syntax.event === 'none') break;
      if (syntax.event === 'value_begin' && syntax.eventDepth !== this.elementDepth) {
        this.enter(chunk[at - 1]);
      } else if (syntax.event === 'value_begin' || syntax.event === 'key_begin') {
        start = at - 1;
        this.capturing = syntax.event === 'key_begin' ? 'key' : 'element';
        syntax.sawLineBreak = false;
      } else if (syntax.event === 'key_end') {
        this.readKey(chunk.subarray(start, at));
        start = 0;
      } else if (syntax.eventDepth === this.elementDepth) {
        this.finishElement(chunk.subarray(start, at), emit, emitTail);
        start = 0;
      } else {
        this.leave();
      }
    }
    if (!this.capturing) return;
    this.unfinished.add(chunk.subarray(start));
    if (emitTail !== undefined) this.handOn(emit, emitTail);
  }

  end(): void {
    const { envelope, missing } = this.options;
    this.syntax.end();
    if (this.found === 'array') return;
    const details = {
      no_container: 'The body is neither an object nor an array.',
      no_key: `The object has no key "${envelope}".`,
      no_array: `The value of "${envelope}" is not an array.`,
    }[this.found];
    throw new AppError(missing, { details });
  }

  /** A key that is as long as that is none of interest, and is dropped. */
  private handOn(emit: EmitRow, emitTail: EmitTail): void {
    const long = this.unfinished.takeLong();
    if (long === undefined || this.capturing === 'key') return;
    if (long.isFirst) emit(onOneLine(long.piece), null);
    else emitTail(onOneLine(long.piece));
  }

  private finishElement(lastPiece: Buffer, emit: EmitRow, emitTail?: EmitTail): void {
    this.capturing = false;
    const { isLong } = this.unfinished;
    const bytes = this.unfinished.finish(lastPiece);
    const raw = this.syntax.sawLineBreak ? onOneLine(bytes) : bytes;
    if (isLong) emitTail?.(raw);
    else emit(raw, null);
  }

  /** A value begins outside of the array: it may be the array itself, or the object that has it. */
  private enter(firstByte: number | undefined): void {
    const { syntax } = this;
    const isTop = syntax.eventDepth === 0;
    if (isTop && firstByte === OPENING_BRACE) {
      this.found = 'no_key';
      syntax.watchedDepth = 1;
    }
    if (!isTop && this.isAfterEnvelopeKey) this.found = 'no_array';
    if (firstByte === OPENING_BRACKET && (isTop || this.isAfterEnvelopeKey)) {
      this.found = 'array';
      this.elementDepth = syntax.eventDepth + 1;
      syntax.watchedDepth = this.elementDepth;
    }
  }

  /** A value outside of the array ends: when it was the array, only the keys around it are of interest again. */
  private leave(): void {
    const { syntax } = this;
    this.isAfterEnvelopeKey = false;
    this.elementDepth = null;
    syntax.watchedDepth = syntax.eventDepth;
  }

  private readKey(lastPiece: Buffer): void {
    this.capturing = false;
    const { envelope } = this.options;
    const { isLong } = this.unfinished;
    const raw = this.unfinished.finish(lastPiece);
    const mayBeIt = !isLong && raw.length <= envelope.length * LONGEST_ESCAPE_BYTES + 2;
    this.isAfterEnvelopeKey = mayBeIt && JSON.parse(raw.toString()) === envelope;
    if (this.isAfterEnvelopeKey && this.found !== 'no_key') {
      throw new AppError('invalid_json', { details: `The object has the key "${envelope}" twice.` });
    }
  }
}

/** A copy with spaces for line breaks: in valid JSON they stand between tokens only. */
function onOneLine(raw: Buffer): Buffer {
  const copy = Buffer.from(raw);
  for (let i = 0; i < copy.length; i++) {
    if (copy[i] === LINE_FEED || copy[i] === CARRIAGE_RETURN) copy[i] = SPACE;
  }
  return copy;
}
