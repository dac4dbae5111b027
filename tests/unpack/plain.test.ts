/** What is not packed passes untouched, and at once. */
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { unpack } from '#unpack/unpack';

const options = { maxBytes: 1_000 };

describe('a body that is not packed', () => {
  it.each([
    ['nothing', ''],
    ['one byte', 'a'],
    ['the first byte of a zip archive', 'P'],
    ['the first bytes of a zip archive', 'PK\x03'],
    ['the first byte of gzip', '\x1f'],
    ['almost gzip', '\x1f\x8aabc'],
    ['CSV', 'user_id\na\n'],
  ])('of %s has all its bytes, however they come', async (_, text) => {
    const bytes = Buffer.from(text, 'latin1');
    const ways = [[bytes], [...bytes].map((byte) => Buffer.from([byte]))];
    for (const pieces of ways) {
      const { body, container } = await unpack(Readable.from(pieces, { objectMode: false }), options);
      expect(container).toBeNull();
      expect(await buffer(body)).toEqual(bytes);
    }
  });

  it('flows on with its first byte, and is the same stream', async () => {
    const source = new PassThrough();
    source.write('{');
    const { body } = await unpack(source, options);
    expect(body).toBe(source);
    source.end('}');
    expect(String(await buffer(body))).toBe('{}');
  });

  it('that breaks off fails with its own error', async () => {
    const source = new PassThrough();
    source.write('P');
    const unpacked = unpack(source, options);
    source.destroy(new Error('gone'));
    await expect(unpacked).rejects.toThrow('gone');
  });
});

describe('a packed body that breaks off', () => {
  it.each(['\x1f\x8b\x08', 'PK\x03\x04abc'])('fails with its own error (%j)', async (head) => {
    const source = new PassThrough();
    source.write(Buffer.from(head, 'latin1'));
    const unpacked = unpack(source, options);
    setImmediate(() => source.destroy(new Error('gone')));
    await expect(unpacked).rejects.toThrow('gone');
  });
});
