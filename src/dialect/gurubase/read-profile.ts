/**
 * One element of the `users` of POST /api/v1/{guru_slug}/profiles/: who it is about and its memory, which is free JSON.
 * Source: Gurubase's page "Upsert User Profiles". What the page leaves open follows the rules for rows of Muster.
 */
import { parse, stringify } from 'lossless-json';

const MAX_MEMORY_BYTES = 1024 * 1024;
const MAX_DEPTH = 100;
const MAX_ID_CHARACTERS = 256;
const CONTROL_CHARACTER = /\p{Cc}/u;

/** What an element says; `errors` is empty exactly when it can be stored. */
export interface GurubaseProfile {
  /** As it was sent when it is a string, also of a refused element; else null. */
  id: string | null;
  /** JSON text with every digit as it came; empty when the element is refused. */
  memory: string;
  /** Sentences for the client. */
  errors: string[];
}

/** @param text one element, valid JSON */
export function readProfile(text: string): GurubaseProfile {
  const value: unknown = JSON.parse(text);
  if (!isObject(value)) return { id: null, memory: '', errors: ['The user is not an object'] };
  const id = typeof value.external_user_id === 'string' ? value.external_user_id : null;
  const errors = [...checkId(value.external_user_id), ...checkMemory(value.memory)];
  if (errors.length > 0) return { id, memory: '', errors };
  const exact = parse(text, null, { onDuplicateKey: ({ newValue }) => newValue }) as { memory: unknown };
  const memory = stringify(exact.memory) ?? '{}';
  if (Buffer.byteLength(memory) > MAX_MEMORY_BYTES)
    return { id, memory: '', errors: ['The memory is larger than 1 MiB'] };
  return { id, memory, errors };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkId(id: unknown): string[] {
  if (id === undefined || id === null || id === '') return ['Missing external_user_id'];
  const isId =
    typeof id === 'string' &&
    isStorable(id) &&
    id.trim() !== '' &&
    [...id].length <= MAX_ID_CHARACTERS &&
    !CONTROL_CHARACTER.test(id);
  if (isId) return [];
  return ['external_user_id must be a string of 1 to 256 characters, without control characters'];
}

function checkMemory(memory: unknown): string[] {
  if (memory === undefined || memory === null) return ['Missing memory data'];
  if (!isObject(memory)) return ['The memory is not an object'];
  // Level by level, because recursion would run out of stack on what is refused here.
  let level: unknown[] = [memory];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return [`The memory is nested deeper than ${MAX_DEPTH} levels`];
    const next: unknown[] = [];
    for (const container of level) {
      for (const [key, value] of Object.entries(container as object)) {
        if (!isStorable(key) || (typeof value === 'string' && !isStorable(value))) {
          return ['The memory has a character that cannot be stored'];
        }
        if (typeof value === 'object' && value !== null) next.push(value);
      }
    }
    level = next;
  }
  return [];
}

/** PostgreSQL holds neither U+0000 nor half of a surrogate pair. */
function isStorable(text: string): boolean {
  return !text.includes('\u0000') && text.isWellFormed();
}
