/** Query parameters of listing properties. */
import { z } from 'zod';
import { cursor, limit } from '../parameters';

export const LIST_PROPERTIES_PARAMETERS = {
  entity: z.enum(['user', 'company']).default('user').meta({
    default: 'user',
    description: 'Properties of users, or of companies.',
  }),
  limit: limit(1000, 1000),
  cursor: cursor(),
};
