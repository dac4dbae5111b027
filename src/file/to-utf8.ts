/**
 * Bytes of any encoding as UTF-8, as they stream in. What cannot be decoded becomes the byte 0xFF, which is in no UTF-8:
 * the row that has it is refused, and nothing that was not in the file is stored.
 */
import { detectEncoding, type Encoding, UTF_8 } from './detect-encoding';

/** Turns pieces of one text into UTF-8. */
export interface Transcoder {
  /** As far as it is known; UTF-8 while only ASCII has come. */
  readonly encoding: Encoding;
  push(chunk: Uint8Array): Uint8Array;
  /** What was held back. */
  end(): Uint8Array;
}

const NOTHING = new Uint8Array();
const BAD_BYTE = Uint8Array.of(0xff);
/** Bytes from the first one beyond ASCII on by which an encoding is told. */
const SAMPLE_BYTES = 64 * 1024;

/** @throws RangeError for an encoding that there is not */
export function createTranscoder(encoding: Encoding): Transcoder {
  if (encoding === UTF_8) return { encoding, push: (chunk) => chunk, end: () => NOTHING };
  if (encoding.startsWith('utf-16')) return new Utf16(encoding);
  return new Decoded(encoding);
}

/** Of a text whose first byte beyond ASCII tells what it is, wherever that comes. */
export function createDetectingTranscoder(): Transcoder {
  return new Detecting();
}

class Detecting implements Transcoder {
  private found: Transcoder | undefined;
  private held: Uint8Array = NOTHING;

  get encoding(): Encoding {
    return this.found?.encoding ?? UTF_8;
  }

  push(chunk: Uint8Array): Uint8Array {
    if (this.found !== undefined) return this.found.push(chunk);
    let ascii: Uint8Array = NOTHING;
    let rest = chunk;
    if (this.held.length === 0) {
      const first = chunk.findIndex((byte) => byte >= 0x80);
      if (first === -1) return chunk;
      // The letter before tells something, too: one byte of ASCII stays with the sample.
      const cut = Math.max(0, first - 1);
      ascii = chunk.subarray(0, cut);
      rest = chunk.subarray(cut);
    }
    this.held = join([this.held, rest]);
    return this.held.length < SAMPLE_BYTES ? ascii : join([ascii, this.decide()]);
  }

  end(): Uint8Array {
    const before = this.found === undefined ? this.decide() : NOTHING;
    return join([before, this.found?.end() ?? NOTHING]);
  }

  private decide(): Uint8Array {
    this.found = createTranscoder(detectEncoding(this.held.subarray(0, SAMPLE_BYTES)));
    const decoded = this.found.push(this.held);
    this.held = NOTHING;
    return decoded;
  }
}

/** What Windows-1252 has between 0x80 and 0x9F; some decoders leave the control characters of ISO 8859-1 there. */
const WINDOWS_SIGNS = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

class Decoded implements Transcoder {
  private readonly decoder: InstanceType<typeof TextDecoder>;
  private readonly encoder = new TextEncoder();

  constructor(readonly encoding: Encoding) {
    this.decoder = new TextDecoder(encoding);
  }

  push(chunk: Uint8Array): Uint8Array {
    return this.encode(this.decoder.decode(chunk, { stream: true }));
  }

  end(): Uint8Array {
    return this.encode(this.decoder.decode());
  }

  private encode(text: string): Uint8Array {
    const settled =
      this.encoding === 'windows-1252'
        ? text.replace(/[\x80-\x9f]/g, (sign) => WINDOWS_SIGNS[sign.charCodeAt(0) - 0x80] ?? sign)
        : text;
    return join(
      settled.split('\ufffd').map((part) => this.encoder.encode(part)),
      BAD_BYTE,
    );
  }
}

/** By hand, because a decoder cannot say where half of a surrogate pair was. */
class Utf16 implements Transcoder {
  private readonly encoder = new TextEncoder();
  private readonly isBigEndian: boolean;
  /** An odd byte at the end of a chunk. */
  private odd: Uint8Array = NOTHING;
  /** The first half of a pair at the end of a chunk. */
  private half = '';
  private isStart = true;

  constructor(readonly encoding: Encoding) {
    this.isBigEndian = encoding === 'utf-16be';
  }

  push(chunk: Uint8Array): Uint8Array {
    const bytes = join([this.odd, chunk]);
    const even = bytes.length - (bytes.length % 2);
    this.odd = bytes.slice(even);
    let text = this.half + this.read(bytes.subarray(0, even));
    this.half = /[\ud800-\udbff]$/.test(text) ? text.slice(-1) : '';
    if (this.half !== '') text = text.slice(0, -1);
    if (this.isStart && text !== '') {
      this.isStart = false;
      text = text.replace(/^\ufeff/, '');
    }
    return this.encode(text);
  }

  end(): Uint8Array {
    return join([this.encode(this.half), this.odd.length > 0 ? BAD_BYTE : NOTHING]);
  }

  private read(bytes: Uint8Array): string {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const parts: string[] = [];
    const units: number[] = [];
    for (let at = 0; at < bytes.length; at += 2) {
      units.push(view.getUint16(at, !this.isBigEndian));
      if (units.length === 4096) parts.push(String.fromCharCode(...units.splice(0)));
    }
    return parts.join('') + String.fromCharCode(...units);
  }

  private encode(text: string): Uint8Array {
    if (text.isWellFormed()) return this.encoder.encode(text);
    return join(
      text.split(/\p{Surrogate}/u).map((part) => this.encoder.encode(part)),
      BAD_BYTE,
    );
  }
}

/** The parts one after another, with this between them. */
function join(parts: readonly Uint8Array[], between: Uint8Array = NOTHING): Uint8Array {
  const [only] = parts.filter(({ length }) => length > 0);
  if (between.length === 0 && parts.filter(({ length }) => length > 0).length < 2) return only ?? NOTHING;
  if (parts.length === 1) return parts[0] as Uint8Array;
  const size = parts.reduce((sum, part) => sum + part.length, 0) + between.length * (parts.length - 1);
  const joined = new Uint8Array(size);
  let at = 0;
  for (const [index, part] of parts.entries()) {
    if (index > 0) {
      joined.set(between, at);
      at += between.length;
    }
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
