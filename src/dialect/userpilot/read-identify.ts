/**
 * The body of POST /v1/identify, taken apart into the rows that it stands for: the user and, when it names one, the company.
 * Source: Userpilot's identify API, and what Segment's and RudderStack's destinations send to it.
 */
import { parse, stringify } from 'lossless-json';
import { AppError } from '#errors';
import { rowError } from '#job/outcome';

export interface IdentifyRows {
  /** JSON text of a row of bulk_identify. */
  user: string;
  /** The same of a company; undefined when the call has none. */
  company?: string;
}

/**
 * `company` has its id as `id` or `company_id`; its other keys, and those of a `metadata` of its own, are the company's
 * metadata. An empty company counts as none. Numbers keep their digits.
 * @param text valid JSON
 * @param value the same, parsed
 * @throws AppError row_refused when `company` is no object, or has keys but no id
 */
export function readIdentify(text: string, value: unknown): IdentifyRows {
  // Most calls name no company: their text is the row.
  if (!isObject(value) || !Object.hasOwn(value, 'company')) return { user: text };
  const body = parse(text, null, { onDuplicateKey: ({ newValue }) => newValue });
  if (!isObject(body)) return { user: text };
  const { company, ...user } = body;
  if (company === undefined || company === null) return { user: write(user) };
  if (!isObject(company)) throw refused('company_id_invalid', 'company');
  if (Object.keys(company).length === 0) return { user: write(user) };
  const { id, company_id: companyId = id, metadata, ...rest } = company;
  if (companyId === undefined || companyId === null) throw refused('id_missing', 'company.id');
  const all = isObject(metadata)
    ? { ...rest, ...metadata }
    : { ...rest, ...(metadata != null && { metadata }) };
  return {
    user: write({ ...user, company_id: companyId }),
    company: write({ company_id: companyId, metadata: all }),
  };
}

function refused(code: 'company_id_invalid' | 'id_missing', path: string): AppError {
  return new AppError('row_refused', { rowErrors: [rowError(code, path)] });
}

function write(value: object): string {
  return stringify(value) ?? '{}';
}

/** Numbers are objects of the exact parser's. */
function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
