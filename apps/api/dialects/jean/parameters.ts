/** Query parameters of Jean Technologies' calls. */
import { flag, limit, storableText, wholeNumber } from '../../parameters';

const domain = storableText.meta({ description: 'Name of the domain, such as `dating`.' });

export const READ_USER_PARAMETERS = {
  domain,
  explain: flag().describe('Adds where each value comes from, with the texts that are still kept.'),
};

export const READ_SCHEMA_PARAMETERS = {
  domain,
  version: wholeNumber(1, 999_999_999)
    .optional()
    .meta({ description: 'Number of an older version; without it the newest.' }),
};

export const PUT_SCHEMA_PARAMETERS = { domain };

export const SIMILAR_PARAMETERS = { domain, limit: limit(100, 10) };
