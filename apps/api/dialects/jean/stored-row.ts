/** A row of the table as merging takes it. */
import { type DomainRow, readExtras, type StoredField } from '#dialect/jean/merge';
import type { DomainUser } from '#store/domain-users';

/** A stored row as merging takes it. */
export function toRow({ fields, extras }: Pick<DomainUser, 'fields' | 'extras'>): DomainRow {
  return { fields: JSON.parse(fields) as Record<string, StoredField>, extras: readExtras(extras) };
}

/** Names and values, without where they come from. */
export function* valuesOf(fields: DomainRow['fields']): Generator<[string, StoredField['value']]> {
  for (const [name, { value }] of Object.entries(fields)) yield [name, value];
}
