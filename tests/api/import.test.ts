/** The main job: a body goes in, the users are stored, the job says what became of every row. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Muster, startMuster } from '../support/muster';

describe.each(['postgresql', 'redis'] as const)('an import with the queue on %s', (backend) => {
  let muster: Muster;
  beforeAll(async () => {
    muster = await startMuster({ backend });
  });
  afterAll(() => muster.close());

  it('stores the users of a JSON body and completes', async () => {
    const job = await muster.importRows([
      { user_id: 'json-1', company_id: 'c1', metadata: { plan: 'pro' } },
      { user_id: 'json-2' },
    ]);
    expect(job).toMatchObject({ status: 'completed', total_rows: 2, completed_rows: 2, created_rows: 2 });
    const { body } = await muster.get('/v1/users/json-1').expect(200);
    expect(body).toMatchObject({
      user_id: 'json-1',
      company_id: 'c1',
      metadata: { plan: 'pro' },
      last_job_id: job.job_id,
    });
  });
});
