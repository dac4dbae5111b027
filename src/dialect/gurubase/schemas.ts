/** What Gurubase's wire takes and answers, as zod schemas with descriptions and examples. */
import { z } from 'zod';

const id = z.string().min(1).max(256);

export const memory = z.record(z.string(), z.unknown()).meta({
  description: 'Free JSON of the user, as Gurubase’s clients send it.',
});

export const GurubaseBody = z
  .looseObject({ users: z.array(z.looseObject({ external_user_id: id, memory })) })
  .meta({
    id: 'GurubaseBody',
    description:
      'Users with their memory: any JSON object of at most 1 MiB and 100 levels, replaced as a whole.',
    examples: [{ users: [{ external_user_id: 'user1-id', memory: { name: 'Ada', plan: 'premium' } }] }],
  });

const gurubaseUsers = z.array(
  z.object({
    user_index: z.int().min(0),
    external_user_id: z.string().nullable(),
    success: z.boolean(),
    errors: z.array(z.string()),
  }),
);

export const GurubaseResults = z
  .object({
    status: z.literal('success'),
    total_users: z.int().min(0),
    processed_users: z.int().min(0),
    users_results: gurubaseUsers,
  })
  .meta({
    id: 'GurubaseResults',
    description: 'What became of each user, in their order.',
    examples: [
      {
        status: 'success',
        total_users: 1,
        processed_users: 1,
        users_results: [{ user_index: 0, external_user_id: 'user1-id', success: true, errors: [] }],
      },
    ],
  });

export const GurubaseFailure = z
  .object({ error: z.string(), details: z.array(z.string()), users_results: gurubaseUsers })
  .meta({
    id: 'GurubaseFailure',
    description: 'What failed; the users whose success is true are stored.',
    examples: [
      {
        error: 'Failed to process some users',
        details: [],
        users_results: [
          { user_index: 0, external_user_id: 'user1-id', success: false, errors: ['Missing memory data'] },
        ],
      },
    ],
  });

export const GurubaseMessage = z
  .object({ msg: z.string() })
  .meta({ id: 'GurubaseMessage', description: 'An error.', examples: [{ msg: 'Invalid API key' }] });
