/** Derived fields: constants that follow from other fields by the rules of the schema. Never stored. */
import type { StoredField } from './merge';
import type { Condition, Definition, FieldValue } from './schema/definition';

export interface Derived {
  value: string | number | boolean;
  /** Where the rule stands in the definition: `derived.attachment_style.rules.0`. */
  rule: string;
  /** Names of the fields that it looked at. */
  from: string[];
}

/** The first rule of each derived field whose conditions all hold. */
export function derive(
  { derived }: Definition,
  fields: Readonly<Record<string, StoredField>>,
): Map<string, Derived> {
  const found = new Map<string, Derived>();
  for (const [name, { rules }] of Object.entries(derived)) {
    const index = rules.findIndex(({ when }) =>
      Object.entries(when).every(([field, condition]) => holds(condition, fields[field]?.value)),
    );
    const rule = rules[index];
    if (rule === undefined) continue;
    found.set(name, {
      value: rule.value,
      rule: `derived.${name}.rules.${index}`,
      from: Object.keys(rule.when),
    });
  }
  return found;
}

function holds(condition: Condition, value: FieldValue | undefined): boolean {
  if (typeof condition !== 'object') return value === condition;
  const { in: among, includes, at_least: least, at_most: most, exists } = condition;
  if (exists !== undefined && exists !== (value !== undefined)) return false;
  if (among !== undefined && !among.some((one) => one === value)) return false;
  if (includes !== undefined && !(Array.isArray(value) && value.some((one) => one === includes)))
    return false;
  if (least !== undefined && !(typeof value === 'number' && value >= least)) return false;
  return most === undefined || (typeof value === 'number' && value <= most);
}
