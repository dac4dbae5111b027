/** Faults of packed files, each with what to do. All are the client's. */
import { AppError } from '#errors';

/** @param cause for logs only */
export function broken(what: string, cause?: unknown): AppError {
  return new AppError('invalid_json', { details: `The ${what} is broken or cut off.`, cause });
}

/** @param name after "This is" @param advice a sentence */
export function foreign(name: string, advice: string): AppError {
  return new AppError('invalid_json', { details: `This is ${name}. ${advice}` });
}

/** What goes beyond a limit. @param sentence which one */
export function tooLarge(sentence: string): AppError {
  return new AppError('payload_too_large', { details: sentence });
}
