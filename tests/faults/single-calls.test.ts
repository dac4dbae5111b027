/** Single calls whose API is killed: what was answered is stored. */
import { afterAll, expect, it } from '@jest/globals';
import { KEY, withCluster } from '../support/cluster';
import { killAll } from '../support/processes';
import { waitFor } from '../support/wait';

const LONG = process.env.FAULTS === 'long';
const KILLS = LONG ? 20 : 4;
const CALLERS = 20;
/** Answers that are waited for before each kill. */
const ANSWERS = 200;

afterAll(killAll);

it(
  `every 202 is stored, also those of an API that is killed under load, ${KILLS} times`,
  () =>
    withCluster(
      { backend: 'postgresql', workers: 0, settings: { IDENTIFY_PER_MINUTE: '0' } },
      async (cluster) => {
        const accepted = new Set<string>();
        for (let kill = 0; kill < KILLS; kill++) {
          const api = cluster.api();
          const before = accepted.size;
          let calls = 0;
          const callForever = async () => {
            for (;;) {
              const id = `k${kill}-${calls++}`;
              const [path, body] =
                calls % 2 === 0
                  ? ['/v1/identify', { user_id: id }]
                  : ['/api/v1/default/profiles/', { users: [{ external_user_id: id, memory: {} }] }];
              const answer = await cluster
                .request('POST', `${api.url}${path}`, {
                  body: JSON.stringify(body),
                  headers: { 'Content-Type': 'application/json' },
                })
                .catch(() => undefined);
              if (answer === undefined) return;
              expect([200, 202]).toContain(answer.status);
              accepted.add(id);
            }
          };
          const callers = Array.from({ length: CALLERS }, callForever);
          await waitFor('answers', () => accepted.size >= before + ANSWERS);
          await cluster.end(api, 'SIGKILL');
          await Promise.all(callers);
          await cluster.start('api');
        }
        const stored = await cluster.query('SELECT user_id FROM users');
        const ids = new Set(stored.map(({ user_id }) => String(user_id)));
        expect([...accepted].filter((id) => !ids.has(id))).toEqual([]);
        expect((await cluster.request('GET', `${cluster.api().url}/v1/validate`, { key: KEY })).status).toBe(
          200,
        );
      },
    ),
  LONG ? 600_000 : 120_000,
);
