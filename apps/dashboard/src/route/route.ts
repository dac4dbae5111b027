/** The addresses of the pages. apps/api/dashboard.ts answers exactly these paths with the page. */

export type Collection = 'users' | 'companies';

export type Route =
  | { page: 'jobs' }
  | { page: 'job'; jobId: string }
  | { page: Collection; id: string | null; companyId: string | null; search: string | null }
  | { page: 'properties'; collection: Collection }
  | { page: 'unknown' };

const JOB = /^\/jobs\/([^/]+)$/;

/** @returns the page that an address stands for; `unknown` for any other */
export function readRoute({ pathname, search }: Pick<URL, 'pathname' | 'search'>): Route {
  const query = new URLSearchParams(search);
  if (pathname === '/') return { page: 'jobs' };
  const profiles = { id: query.get('id'), search: query.get('q') };
  if (pathname === '/users') return { page: 'users', ...profiles, companyId: query.get('company') };
  if (pathname === '/companies') return { page: 'companies', ...profiles, companyId: null };
  if (pathname === '/properties') {
    return { page: 'properties', collection: query.get('of') === 'companies' ? 'companies' : 'users' };
  }
  const jobId = JOB.exec(pathname)?.[1];
  return jobId === undefined ? { page: 'unknown' } : { page: 'job', jobId: decode(jobId) };
}

export function jobAddress(jobId: string): string {
  return `/jobs/${encodeURIComponent(jobId)}`;
}

/** In the query, because a path cannot carry every id: `..` is one. */
export function profileAddress(collection: Collection, id: string): string {
  return `/${collection}?${new URLSearchParams({ id })}`;
}

/** Those that a text is known by. */
export function searchAddress(collection: Collection, search: string): string {
  return `/${collection}?${new URLSearchParams({ q: search })}`;
}

export function propertiesAddress(collection: Collection): string {
  return collection === 'users' ? '/properties' : '/properties?of=companies';
}

export function membersAddress(companyId: string): string {
  return `/users?${new URLSearchParams({ company: companyId })}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
