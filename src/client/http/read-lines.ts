/** Reads NDJSON as it comes in, however lines and characters are split over chunks, one line in memory at a time. */

/**
 * The bytes of a stream, chunk by chunk. A consumer that stops early cancels the stream.
 * (Not every browser can iterate over a ReadableStream.)
 */
export async function* readChunks(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const reader = stream.getReader();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      ended = done;
      if (done) return;
      yield value;
    }
  } catch (error) {
    ended = true;
    throw error;
  } finally {
    if (!ended) await reader.cancel().catch(() => {});
    reader.releaseLock();
  }
}

/** The lines of a UTF-8 text without their ends (LF or CRLF); blank ones are left out. */
export async function* readLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  // Pieces of a line that is not complete yet: joined once, so that a long line costs no more than its length.
  let pieces: string[] = [];
  const complete = (last: string) => {
    const line = [...pieces, last].join('');
    pieces = [];
    return line.endsWith('\r') ? line.slice(0, -1) : line;
  };
  for await (const chunk of readChunks(stream)) {
    const text = decoder.decode(chunk, { stream: true });
    let start = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      const line = complete(text.slice(start, end));
      start = end + 1;
      if (line.trim() !== '') yield line;
    }
    if (start < text.length) pieces.push(text.slice(start));
  }
  const line = complete(decoder.decode());
  if (line.trim() !== '') yield line;
}
