/**
 * Reads XML as it streams in, in constant memory. It follows no reference to anything and expands no entity of a document:
 * one that declares any is refused.
 */
import { TextDecoder } from 'node:util';
import { SaxesParser } from 'saxes';
import { AppError } from '#errors';
import { broken, tooLarge } from '../faults';

/** Names come without their prefix, of elements and of attributes. */
export interface XmlEvents {
  open?(name: string, attributes: Record<string, string>): void;
  text?(text: string): void;
  close?(name: string): void;
}

/** Of one tag or one text. A row of an import is no larger either. */
const MAX_TOKEN_BYTES = 1024 * 1024;
/** Elements in one another: a sheet has a dozen. */
const MAX_DEPTH = 100;

export const WORKBOOK = 'workbook (XLSX)';

export class XmlReader {
  private readonly parser = new SaxesParser({ position: false });
  private decoder: TextDecoder | undefined;
  private depth = 0;
  private bytesSinceEvent = 0;

  constructor(events: XmlEvents) {
    const { parser } = this;
    parser.on('opentag', ({ name, attributes }) => {
      this.bytesSinceEvent = 0;
      if (++this.depth > MAX_DEPTH) throw broken(WORKBOOK);
      events.open?.(localName(name), attributes as Record<string, string>);
    });
    parser.on('closetag', ({ name }) => {
      this.bytesSinceEvent = 0;
      this.depth--;
      events.close?.(localName(name));
    });
    const text = (value: string) => {
      this.bytesSinceEvent = 0;
      events.text?.(value);
    };
    parser.on('text', text);
    parser.on('cdata', text);
    parser.on('comment', () => {
      this.bytesSinceEvent = 0;
    });
    parser.on('doctype', () => {
      throw broken(WORKBOOK);
    });
  }

  /** @throws AppError invalid_json, payload_too_large */
  push(chunk: Buffer): void {
    this.decoder ??= decoderFor(chunk);
    this.bytesSinceEvent += chunk.length;
    this.parse(() => this.decoder?.decode(chunk, { stream: true }) ?? '');
    if (this.bytesSinceEvent > MAX_TOKEN_BYTES)
      throw tooLarge(`A cell of the workbook is larger than ${MAX_TOKEN_BYTES} bytes.`);
  }

  /** @throws AppError invalid_json */
  end(): void {
    this.parse(() => this.decoder?.decode() ?? '');
    try {
      this.parser.close();
    } catch (error) {
      throw asFault(error);
    }
  }

  private parse(decode: () => string): void {
    try {
      this.parser.write(decode());
    } catch (error) {
      throw asFault(error);
    }
  }
}

/** Reads a part of a workbook to its end. @throws AppError invalid_json, payload_too_large, and what reading throws */
export async function readXml(part: AsyncIterable<Buffer>, events: XmlEvents): Promise<void> {
  const reader = new XmlReader(events);
  for await (const chunk of part) reader.push(chunk);
  reader.end();
}

/** The value of an attribute that has a prefix, whichever it is. */
export function prefixedAttribute(attributes: Record<string, string>, name: string): string | undefined {
  return Object.entries(attributes).find(([key]) => key.endsWith(`:${name}`))?.[1];
}

/** Text in UTF-8, or in UTF-16 when its mark says so. */
function decoderFor(head: Buffer): TextDecoder {
  const mark = head.subarray(0, 2).toString('hex');
  const encoding = mark === 'fffe' ? 'utf-16le' : mark === 'feff' ? 'utf-16be' : 'utf-8';
  return new TextDecoder(encoding, { fatal: true });
}

function localName(name: string): string {
  const colon = name.indexOf(':');
  return colon === -1 ? name : name.slice(colon + 1);
}

function asFault(error: unknown): AppError {
  return error instanceof AppError ? error : broken(WORKBOOK, error);
}
