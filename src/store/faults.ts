/**
 * What an error of PostgreSQL means for us, by its SQLSTATE (PostgreSQL manual, appendix A). Messages are never read:
 * they are translated and they quote values.
 */

/** Somebody else changed the same rows in the meantime; the transaction is to be tried again from its start. */
export class LostRaceError extends Error {}

function sqlState(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

/** Worth trying again at once: serialization failure, deadlock, or a lost race of ours. */
export function isTransient(error: unknown): boolean {
  return error instanceof LostRaceError || ['40001', '40P01'].includes(sqlState(error));
}

/** The values themselves are at fault: data exception, constraint, limit of the program, or a trigger's refusal. */
export function isDataFault(error: unknown): boolean {
  return /^(22|23|44|54)...$|^P0001$/.test(sqlState(error));
}

/**
 * The statement wanted more than it may have: a time-out, of the server (57014) or of node-postgres; memory (53200),
 * temporary files (53400 is temp_file_limit), or another limit of the server's (53000); or it met what cannot be read
 * (58030 I/O error, 58P01 file missing, XX corruption). While the rest of the database answers, that is the doing of its
 * rows. A full disk (53100) is nobody's doing, and neither is a lock that somebody else holds (55P03).
 */
export function isOverload(error: unknown): boolean {
  if (/^(57014|53000|53200|53400|58030|58P01|XX...)$/.test(sqlState(error))) return true;
  return error instanceof Error && error.message.startsWith('Query read timeout');
}

/** The database cannot be reached or does not take writes at the moment. */
export function isUnavailable(error: unknown): boolean {
  const code = sqlState(error);
  // 55000: the database is closed to connections (ALLOW_CONNECTIONS false), as during maintenance.
  if (/^(08|53|57P|58)/.test(code) || ['25006', '25P03', '55000', '55P03', '57014'].includes(code))
    return true;
  if (/^E[A-Z]+$/.test(code))
    return ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'].includes(code);
  // node-postgres has no code for these; they are its own fixed sentences.
  const message = error instanceof Error ? error.message : '';
  return /^(Connection terminated|Query read timeout|timeout exceeded when trying to connect|timeout expired$|Client has encountered a connection error)/.test(
    message,
  );
}

/** The row belongs to an environment that is gone. */
export function isOfNoEnvironment(error: unknown): boolean {
  const { constraint } = (error ?? {}) as { constraint?: unknown };
  return sqlState(error) === '23503' && /_environment_id_fkey$/.test(String(constraint));
}

/** The row belongs to a user who is gone. */
export function isOfNoUser(error: unknown): boolean {
  const { constraint } = (error ?? {}) as { constraint?: unknown };
  return sqlState(error) === '23503' && /_user_fkey$/.test(String(constraint));
}

/** The unique index of this name refused the row. */
export function violates(error: unknown, constraint: string): boolean {
  return sqlState(error) === '23505' && (error as { constraint?: string }).constraint === constraint;
}
