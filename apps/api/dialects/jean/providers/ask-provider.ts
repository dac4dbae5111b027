/**
 * One call to an OpenAI-compatible API. It is optional, so it never fails a request: whoever calls falls back. Texts about
 * people go there; nothing that comes back is logged, and redirects are not followed.
 */
import type { ProviderSettings } from '#settings/settings';

/** A call that takes longer has failed. */
export const PROVIDER_TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

export type ProviderFault = 'timeout' | 'unreachable' | 'refused' | 'invalid_answer';

/** Why a provider gave nothing that can be used. */
export class ProviderError extends Error {
  constructor(readonly fault: ProviderFault) {
    super(`the provider's answer cannot be used: ${fault}`);
  }
}

/**
 * @param path below the provider's base, such as `/embeddings`
 * @returns the JSON that it answers, unchecked
 * @throws ProviderError
 */
export async function askProvider(
  { url, apiKey }: ProviderSettings,
  path: string,
  body: object,
  timeoutMs = PROVIDER_TIMEOUT_MS,
): Promise<unknown> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const answer = await fetch(`${url.replace(/\/$/, '')}${path}`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        ...(apiKey !== undefined && { Authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify(body),
      redirect: 'error',
      signal,
    });
    if (!answer.ok) {
      await answer.body?.cancel();
      throw new ProviderError('refused');
    }
    return parse(await readBounded(answer));
  } catch (error) {
    if (error instanceof ProviderError) throw error;
    throw new ProviderError(signal.aborted ? 'timeout' : 'unreachable');
  }
}

async function readBounded(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new ProviderError('invalid_answer');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new ProviderError('invalid_answer');
  }
}
