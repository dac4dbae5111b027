/** The properties of users, or of companies. */
import type { Property } from '#client/index';
import type { Collection } from '../../route/route';
import { type Loaded, useLoaded } from '../../session/use-loaded';

export function useProperties(collection: Collection): Loaded<Property[]> {
  return useLoaded(`properties of ${collection}`, async (client, signal) => {
    const properties: Property[] = [];
    const entity = collection === 'users' ? 'user' : 'company';
    for await (const property of client.properties({ entity, signal })) properties.push(property);
    return properties;
  });
}
