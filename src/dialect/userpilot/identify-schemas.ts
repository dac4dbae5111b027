/** What Userpilot's calls for one user or company take and answer, as zod schemas with descriptions and examples. */
import { z } from 'zod';
import { JobWarning } from './schemas';

const id = z.string().min(1).max(256);

export const IdentifyBody = z
  .looseObject({
    user_id: id,
    metadata: z.record(z.string(), z.unknown()).nullable().optional(),
    company: z.looseObject({ id: id.optional(), company_id: id.optional() }).optional().meta({
      description: 'Its id as id or company_id; its other keys are the company’s metadata. {} = none.',
    }),
  })
  .meta({
    id: 'IdentifyBody',
    description: 'One user, and the company that it belongs to.',
    examples: [
      { user_id: 'user_001', metadata: { plan: 'pro' }, company: { id: 'comp001', name: 'Tech Startup' } },
    ],
  });

export const IdentifyCompanyBody = z
  .looseObject({ company_id: id, metadata: z.record(z.string(), z.unknown()).nullable().optional() })
  .meta({
    id: 'IdentifyCompanyBody',
    description: 'One company.',
    examples: [{ company_id: 'comp001', metadata: { name: 'Tech Startup' } }],
  });

export const Identified = z
  .object({ outcome: z.enum(['created', 'updated', 'unchanged']), warnings: z.array(JobWarning) })
  .meta({
    id: 'Identified',
    description: 'What became of it, and what of it was not stored.',
    examples: [{ outcome: 'created', warnings: [] }],
  });
