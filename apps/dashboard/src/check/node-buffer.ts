/**
 * What the service's own checks take from Node: its Buffer, also as the global that it is there, and isUtf8.
 * Only the worker loads this.
 */
import { Buffer } from 'buffer/';

const strict = new TextDecoder('utf-8', { fatal: true });
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const decodeSlowly = Buffer.prototype.toString;

// The browser's own decoder takes a fraction of the time, and each row is decoded.
Buffer.prototype.toString = function decode(this: Buffer, encoding?: string, start?: number, end?: number) {
  const isWhole = start === undefined && end === undefined;
  if (isWhole && (encoding === undefined || encoding === 'utf8')) return decoder.decode(this);
  return decodeSlowly.call(this, encoding, start, end);
} as typeof decodeSlowly;

Object.assign(globalThis, { Buffer });

export { Buffer };

/** Whether the bytes are valid UTF-8, as Node's function of this name says. */
export function isUtf8(bytes: Uint8Array): boolean {
  try {
    strict.decode(bytes);
    return true;
  } catch {
    return false;
  }
}
