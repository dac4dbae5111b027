/** What the reference shows as examples: rows as in Userpilot's guide, and one error of each code as it is answered. */
import { writeError } from '#dialect/userpilot/write-error';
import { AppError, ERRORS, type ErrorCode } from '#errors';
import { ROW_ERRORS } from '#job/outcome';

export const USERS = [
  {
    user_id: 'user_001',
    company_id: 'comp001',
    metadata: {
      last_ticket_created: '2025-02-01T10:20:30Z',
      tickets_created: '15',
      tickets_pending: 1,
      customer_satisfaction: 4.8,
    },
  },
  {
    user_id: 'user_002',
    company_id: 'comp002',
    metadata: {
      last_ticket_created: '2025-01-31T09:15:00Z',
      tickets_created: '8',
      tickets_pending: 1,
      customer_satisfaction: 4.5,
    },
  },
];

export const COMPANIES = [
  { company_id: 'comp001', metadata: { name: 'Tech Startup', plan: 'pro', seats: 12 } },
  { company_id: 'comp002', metadata: { name: 'Example Ltd', plan: 'free', seats: 1 } },
];

export const ROW_RESULTS = [
  { row: 1, line: 1, id: 'user_001', outcome: 'created', errors: [] },
  {
    row: 2,
    line: 2,
    id: null,
    outcome: 'failed',
    errors: [{ code: 'id_missing', path: 'user_id', message: ROW_ERRORS.id_missing }],
  },
];

/** One value a line. */
export function toNdjson(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}

const ERROR_DETAILS: Partial<Record<ErrorCode, string>> = {
  invalid_parameter: 'Not allowed: the value of limit.',
  job_in_progress: 'Job 9536d797-7039-4d30-8c11-ac437367d732 is not finished.',
};

/** `components.examples`: the body of each error, by its code. */
export function errorExamples(): Record<string, { summary: string; value: object }> {
  return Object.fromEntries(
    (Object.keys(ERRORS) as ErrorCode[]).map((code) => {
      const error = new AppError(code, { details: ERROR_DETAILS[code] ?? '' });
      return [code, { summary: error.message, value: writeError(error, 'a6d0b3f2') }];
    }),
  );
}
