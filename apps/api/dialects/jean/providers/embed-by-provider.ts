/** Vectors by an OpenAI-compatible embeddings endpoint, kept as signed bytes like all others. */
import { z } from 'zod';
import { type Embedding, MAX_DIMENSIONS, quantize } from '#dialect/jean/embed/embedding';
import type { ProviderSettings } from '#settings/settings';
import { askProvider, ProviderError } from './ask-provider';

/** Of long texts the newest part is what counts, and what models take. */
const MAX_INPUT_CHARACTERS = 20_000;

const ANSWER = z.object({
  data: z.array(z.object({ embedding: z.array(z.number()).min(1).max(MAX_DIMENSIONS) })).min(1),
});

/** @throws ProviderError */
export async function embedByProvider(provider: ProviderSettings, text: string): Promise<Embedding> {
  const body = {
    model: provider.model,
    input: text.slice(-MAX_INPUT_CHARACTERS).toWellFormed(),
    encoding_format: 'float',
  };
  const read = ANSWER.safeParse(await askProvider(provider, '/embeddings', body));
  if (!read.success) throw new ProviderError('invalid_answer');
  return { model: provider.model, vector: quantize(read.data.data[0]?.embedding ?? []) };
}
