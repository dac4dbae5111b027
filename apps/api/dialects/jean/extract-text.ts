/** Extraction that lets other requests run in between: a long text never holds the process for more than a moment. */
import type { CompiledSchema } from '#dialect/jean/extract/compile';
import { extractBySentence, type Found } from '#dialect/jean/extract/extract';

/** Work between two yields to the event loop. */
const CHUNK_MS = 8;

/** @returns what the rules of the schema find in the text, by field */
export async function extractText(schema: CompiledSchema, text: string): Promise<Map<string, Found>> {
  const sentences = extractBySentence(schema, text);
  for (;;) {
    const chunkEndMs = performance.now() + CHUNK_MS;
    while (performance.now() < chunkEndMs) {
      const step = sentences.next();
      if (step.done) return step.value;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}
