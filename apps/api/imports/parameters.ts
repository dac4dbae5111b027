/** What a client may say beside the rows of an import. */
import { z } from 'zod';
import { EXISTING_MODES, METADATA_MODES, NESTED_MODES } from '#job/options';
import { flag } from '../parameters';

export const onBusy = z.enum(['reject', 'queue']).default('reject').meta({
  description:
    'What to do while another job of the environment is not finished: refuse with 409, or wait for its turn (first in, first out, at most 10 waiting jobs).',
});

export const IMPORT_PARAMETERS = {
  dry_run: flag().meta({
    description:
      'Only say what would happen: no user is written, no slot is taken, the throttle does not hold.',
  }),
  metadata: z.enum(METADATA_MODES).default('merge').meta({
    description:
      'merge (RFC 7396): keys that are not sent stay, null removes a key. replace: the metadata becomes what is sent.',
  }),
  existing: z.enum(EXISTING_MODES).default('upsert').meta({
    description:
      'create_only: a row whose id is stored already fails with already_exists. update_only: one whose id is not stored fails with does_not_exist.',
  }),
  nested: z.enum(NESTED_MODES).default('reject').meta({
    description:
      'What becomes of an object or array as a metadata value. reject: the row fails with metadata_value_invalid. ignore: the key is left out, with a warning. flatten: address.city, tags.0.',
  }),
  on_busy: onBusy,
};

/** Header Idempotency-Key. */
export const IDEMPOTENCY_KEY = z.string().min(1).max(255).optional().meta({
  description:
    'A repeated request with this key is answered with the first one’s 202 and Idempotent-Replayed: true. Remembered for at least 24 hours.',
});
