/** The header Retry-After, in both of its forms. */

/**
 * Whole or broken seconds from now, at least 0; undefined when the header is missing or makes no sense. A date is compared
 * with the service's own clock where it sends one, because the client's may be wrong.
 */
export function readRetryAfter(headers: Headers): number | undefined {
  const text = headers.get('retry-after')?.trim();
  if (!text) return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  const at = Date.parse(text);
  if (Number.isNaN(at)) return undefined;
  const serviceNow = Date.parse(headers.get('date') ?? '');
  return Math.max(0, (at - (Number.isNaN(serviceNow) ? Date.now() : serviceNow)) / 1000);
}
