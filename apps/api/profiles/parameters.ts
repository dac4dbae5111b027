/** Query parameters of listing users and companies, and the body that deletes some. */
import { z } from 'zod';
import { ENTITIES, type Entity } from '#job/entity';
import { cursor, limit, storableText } from '../parameters';

export const LIST_COMPANIES_PARAMETERS = {
  limit: limit(1000, 100),
  cursor: cursor(),
  company_id: storableText.optional().meta({ description: 'Only the company with exactly this id.' }),
};

export const LIST_USERS_PARAMETERS = {
  ...LIST_COMPANIES_PARAMETERS,
  company_id: storableText.optional().meta({ description: 'Only users of this company.' }),
  user_id: storableText.optional().meta({
    description: 'Only the user with exactly this id; for ids that a path cannot carry, such as `..`.',
  }),
};

/** `{"users": ["id", ...]}` or `{"companies": ["id", ...]}`. */
export function deleteBody(entity: Entity): z.ZodObject<Record<string, z.ZodArray<typeof storableText>>> {
  return z.object({ [ENTITIES[entity].collection]: z.array(storableText) });
}
