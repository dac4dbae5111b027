/** Query parameters of single calls. */
import { z } from 'zod';
import { NESTED_MODES } from '#job/options';

export const IDENTIFY_PARAMETERS = {
  nested: z.enum(NESTED_MODES).default('ignore').meta({
    description:
      'What becomes of an object or array as a metadata value. ignore: the key is left out, with a warning. flatten: address.city, tags.0. reject: 400.',
  }),
};
