/**
 * What Userpilot's own OpenAPI document says of POST /v1/users/bulk_identify (docs.userpilot.com, "Bulk Users Update"),
 * transcribed as JSON Schema. `nullable` without a type, as at end_time, allows every value in OpenAPI 3.0.
 */

export const JOB_MEMBERS = {
  end_time: {},
  file_size: { type: 'integer' },
  filename: { type: 'string' },
  job_id: { type: 'string', format: 'uri' },
  links: { type: 'string', format: 'style' },
  start_time: { type: 'string' },
  status: {
    type: 'string',
    enum: ['queued', 'validating', 'processing', 'pending_refresh', 'completed', 'failed'],
  },
  total_rows: { type: 'integer' },
  type: { type: 'string' },
};

/** Response 202. */
export const JOB_SCHEMA = { type: 'object', properties: JOB_MEMBERS };

/** Request body. */
export const REQUEST_SCHEMA = {
  type: 'object',
  properties: {
    users: {
      type: 'array',
      items: {
        type: 'object',
        required: ['user_id'],
        properties: {
          user_id: { type: 'string' },
          company_id: { type: 'string' },
          metadata: {
            type: 'object',
            additionalProperties: true,
            properties: { custom_user_property: { type: 'string' } },
          },
        },
      },
    },
  },
};

/** Its example of a request body, shortened. */
export const REQUEST_EXAMPLE = {
  users: [
    {
      user_id: 'user_123',
      company_id: 'comp_techstartup_2024',
      metadata: {
        job_title: 'Support Manager',
        tickets_created: '2024-01-15T08:00:00Z',
        tickets_pending: 3,
        avg_resolution_time: 3.25,
        customer_satisfaction: '95%',
      },
    },
    {
      user_id: 'user_456',
      company_id: 'comp_techstartup_2024',
      metadata: { job_title: 'Support Specialist', tickets_pending: 5, avg_resolution_time: 4.5 },
    },
  ],
};

/** Members of the job in the guide "Bulk Identify/Update Users", which the document does not have. */
export const GUIDE_MEMBERS = ['job_id', 'status', 'submitted_at'];
