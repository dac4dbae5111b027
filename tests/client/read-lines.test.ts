/** NDJSON is read the same however it is cut into chunks. */
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readLines } from '#client/index';

/** A stream of these chunks; says whether it was cancelled, and how many chunks were taken from it. */
function streamOf(chunks: Iterable<Uint8Array>) {
  const iterator = chunks[Symbol.iterator]();
  const seen = { taken: 0, cancelled: false };
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const { done, value } = iterator.next();
        if (done) return controller.close();
        seen.taken++;
        controller.enqueue(value);
      },
      cancel() {
        seen.cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, seen };
}

async function linesOf(chunks: Iterable<Uint8Array>): Promise<string[]> {
  const lines = [];
  for await (const line of readLines(streamOf(chunks).stream)) lines.push(line);
  return lines;
}

it('lines and characters may be split anywhere', async () => {
  const line = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/[\r\n]/g, ''));
  const end = fc.constantFrom('\n', '\r\n');
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(line, end)),
      line,
      fc.infiniteStream(fc.nat(5)),
      async (lines, last, sizes) => {
        const text = `${lines.map(([content, ending]) => content + ending).join('')}${last}`;
        const bytes = new TextEncoder().encode(text);
        const chunks: Uint8Array[] = [];
        for (let at = 0; at < bytes.length; ) {
          const size = sizes.next().value;
          chunks.push(bytes.subarray(at, at + size));
          at += size;
        }
        const expected = [...lines.map(([content]) => content), last].filter(
          (content) => content.trim() !== '',
        );
        expect(await linesOf(chunks)).toEqual(
          expected[0]?.startsWith('\ufeff') ? [expected[0].slice(1), ...expected.slice(1)] : expected,
        );
      },
    ),
    { numRuns: 300 },
  );
});

it('each line is given as soon as its end has come, and a reader that stops cancels the stream', async () => {
  function* endless() {
    for (let n = 1; ; n++) yield new TextEncoder().encode(`${n}\n`);
  }
  const { stream, seen } = streamOf(endless());
  for await (const line of readLines(stream)) {
    expect(seen.taken).toBe(Number(line));
    if (line === '1000') break;
  }
  expect(seen).toEqual({ taken: 1000, cancelled: true });
});

it('one line of ten megabytes in small chunks costs no more than its length', async () => {
  const piece = new TextEncoder().encode('x'.repeat(1_000));
  const lines = await linesOf(Array(10_000).fill(piece));
  expect(lines.map((line) => line.length)).toEqual([10_000_000]);
});
