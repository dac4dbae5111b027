/** What Gurubase's page "Upsert User Profiles" answers, to the letter: results, and errors in two forms. */
import type { AppError } from '#errors';

/** What became of one element. */
export interface ProfileResult {
  id: string | null;
  errors: readonly string[];
}

/** Status and body when every element was looked at: 200, or 400 when some could not be stored; the good ones are. */
export function writeResults(results: readonly ProfileResult[]): { status: number; body: object } {
  const users = results.map(({ id, errors }, index) => ({
    user_index: index,
    external_user_id: id,
    success: errors.length === 0,
    errors,
  }));
  if (users.some(({ success }) => !success)) {
    return {
      status: 400,
      body: { error: 'Failed to process some users', details: [], users_results: users },
    };
  }
  return {
    status: 200,
    body: {
      status: 'success',
      total_users: users.length,
      processed_users: users.length,
      users_results: users,
    },
  };
}

/** The body of an error of the table in src/errors.ts. */
export function writeError(error: AppError): object {
  if (error.code === 'unauthorized') return { msg: 'Invalid API key' };
  if (error.code === 'forbidden') return { msg: 'Forbidden' };
  if (error.code === 'environment_not_found') {
    return { msg: ['Guru type', error.details, 'not found'].filter(Boolean).join(' ') };
  }
  if (error.code === 'rate_limited') {
    return { msg: `Request was throttled. Expected available in ${error.retryAfterSeconds ?? 60} seconds.` };
  }
  if (error.status >= 500) return { error: 'Internal server error while saving profiles' };
  const sentence = error.details === '' ? error.message : `${error.message} ${error.details}`;
  if (error.status === 400) return { error: sentence, details: [], users_results: [] };
  return { msg: sentence };
}
