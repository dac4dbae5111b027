/**
 * Extraction that lets other requests run in between: a long text never holds the process for more than a moment. An
 * optional provider comes first; when it fails, the rules of the schema do its work.
 */
import type { CompiledSchema } from '#dialect/jean/extract/compile';
import { extractBySentence, type Found } from '#dialect/jean/extract/extract';
import type { ApiDeps } from '../../context';
import { ProviderError } from './providers/ask-provider';
import { extractByProvider } from './providers/extract-by-provider';

/** What may extract. */
export type ExtractDeps = Pick<ApiDeps, 'logger'> & { settings: Pick<ApiDeps['settings'], 'extraction'> };

/** Work between two yields to the event loop. */
const CHUNK_MS = 8;

/** What the rules of the schema find. */
async function extractText(schema: CompiledSchema, text: string): Promise<Map<string, Found>> {
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

/** By the provider when there is one, else, or when it fails, by the rules of the schema. */
export async function extractContext(
  { settings, logger }: ExtractDeps,
  schema: CompiledSchema,
  context: string | undefined,
): Promise<{ found: ReadonlyMap<string, Found>; by: string; fallback?: string }> {
  if (context === undefined) return { found: new Map(), by: 'rules' };
  const { extraction: provider } = settings;
  if (provider === undefined) return { found: await extractText(schema, context), by: 'rules' };
  try {
    return { found: await extractByProvider(provider, schema, context), by: provider.model };
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    logger.warn({ fault: error.fault }, 'extraction provider failed: falling back to the rules');
    return { found: await extractText(schema, context), by: 'rules', fallback: error.fault };
  }
}
