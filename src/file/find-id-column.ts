/** Which column of a file is the id, when nobody says it: by what it is called, and by what is in it. */
import { foldName, type NamedColumn } from './name-columns';

/** How often the ids of a column repeat. */
export interface ColumnValues {
  /** Cells that are not empty. */
  cells: number;
  distinct: number;
}

/** A column that may be the id, the likeliest first. */
export interface IdCandidate {
  column: NamedColumn;
  /**
   * own: it is called as the id of such rows is. usual: it is called as ids often are, and is taken when its values are
   * distinct. possible: it is only suggested.
   */
  likelihood: 'own' | 'usual' | 'possible';
}

/** By entity, folded as foldName does. */
const OWN = { user: ['userid'], company: ['companyid'] } as const;
const USUAL = {
  user: [
    'contactid',
    'customerid',
    'memberid',
    'personid',
    'id',
    'uuid',
    'guid',
    'externalid',
    'externaluserid',
    'recordid',
  ],
  company: ['accountid', 'organizationid', 'organisationid', 'id', 'uuid', 'guid', 'externalid', 'recordid'],
} as const;
const POSSIBLE = {
  user: ['email', 'emailaddress', 'mail', 'username', 'login'],
  company: ['domain', 'companydomain', 'companyname', 'name'],
} as const;

/** More repeats than this share of the cells, and a column is none of ids. */
const MOST_REPEATS = 0.01;

/** The columns that may be the id, by their names. */
export function idCandidates(columns: readonly NamedColumn[], entity: 'user' | 'company'): IdCandidate[] {
  const ofKind = (names: readonly string[], likelihood: IdCandidate['likelihood']) =>
    names.flatMap((folded) =>
      columns.filter(({ name }) => foldName(name) === folded).map((column) => ({ column, likelihood })),
    );
  return [
    ...ofKind(OWN[entity], 'own'),
    ...ofKind(USUAL[entity], 'usual'),
    ...ofKind(POSSIBLE[entity], 'possible'),
  ];
}

/** Whether the values may be ids: almost none of them repeats. */
export function isDistinct({ cells, distinct }: ColumnValues): boolean {
  return cells > 0 && cells - distinct <= cells * MOST_REPEATS;
}

/** Names of keys that people give to ids, for rows that are objects. */
export const ID_ALIASES = [
  'id',
  'userId',
  'userid',
  'UserId',
  'user-id',
  'uuid',
  'external_id',
  'externalId',
  'ID',
  'Id',
  'companyId',
  'account_id',
  'accountId',
] as const;
