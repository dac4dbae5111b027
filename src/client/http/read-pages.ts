/** Lists that come page by page, each with a link to the next one. */
import { type Connection, type Query, readJson } from './request';

export interface PagedRequest {
  path: string;
  query: Query;
  signal?: AbortSignal | undefined;
}

/**
 * The items of all pages, which are fetched as they are needed.
 * @param limit most items in all
 * @param pageLimit items that are asked for at once
 * @throws MusterError
 */
export async function* readPages<Item>(
  connection: Connection,
  { path, query, signal }: PagedRequest,
  limit: number,
  pageLimit: number,
): AsyncGenerator<Item, void, undefined> {
  let next: Query | URLSearchParams | undefined = { ...query, limit: pageLimit };
  for (let left = limit; next !== undefined && left > 0; ) {
    const [items, following]: [Item[], URLSearchParams | undefined] = await connection.request(
      { path, query: next, ...(signal && { signal }) },
      async (answer) => [await readJson<Item[]>(answer), nextQuery(answer.headers)],
    );
    for (const item of items.slice(0, left)) yield item;
    left -= items.length;
    next = following;
  }
}

/**
 * The parameters of the next page. Only they are taken from the link: the address of the service behind a proxy may be
 * another one than it believes, and the key must not go elsewhere.
 */
function nextQuery(headers: Headers): URLSearchParams | undefined {
  const link = /<([^>]*)>\s*;[^,<]*\brel="?next\b/i.exec(headers.get('link') ?? '')?.[1];
  return link === undefined ? undefined : new URL(link, 'http://localhost').searchParams;
}
