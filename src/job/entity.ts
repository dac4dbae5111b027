/**
 * The two kinds of things that Muster imports, as data: whatever differs between users and companies stands here,
 * so that routes, stages and SQL take the kind as a parameter.
 */

export type Entity = 'user' | 'company';

export interface EntityTraits {
  /** Key of the id in a row, and column of the id in the table. */
  readonly idKey: 'user_id' | 'company_id';
  /** Whether a row may name the company it belongs to. */
  readonly belongsToCompany: boolean;
  /** Key of the array in a JSON body, name of the collection in paths, and table. */
  readonly collection: 'users' | 'companies';
  /** `type` of its jobs on the wire. */
  readonly jobType: 'bulk_identify_users' | 'bulk_identify_companies';
  /** Error code of a JSON body without the array. */
  readonly missingCode: 'missing_users' | 'missing_companies';
}

export const ENTITIES: Readonly<Record<Entity, EntityTraits>> = {
  user: {
    idKey: 'user_id',
    belongsToCompany: true,
    collection: 'users',
    jobType: 'bulk_identify_users',
    missingCode: 'missing_users',
  },
  company: {
    idKey: 'company_id',
    belongsToCompany: false,
    collection: 'companies',
    jobType: 'bulk_identify_companies',
    missingCode: 'missing_companies',
  },
};
