/**
 * Whether settings of the session make the product's upsert quicker: how statements are planned, memory for sorting and
 * for intermediate results, just-in-time compilation, and (as a yardstick only, nobody may lose what was answered with
 * completed) commits that do not wait for the disk.
 */
import type { Store } from '#store/client';
import { SIZES } from '../make-rows';
import { withDatabase } from './database';
import { compareWays, readRepetitions, readSizes, type Way } from './measure';
import { measureImports, readSent, upsertInBatches } from './upsert';

const SLICE_ROWS = { small: 500, big: 450 };

const SETTINGS: [name: string, settings: Record<string, string>][] = [
  ['as shipped', {}],
  ['plan_cache_mode force_custom_plan', { plan_cache_mode: 'force_custom_plan' }],
  ['plan_cache_mode force_generic_plan', { plan_cache_mode: 'force_generic_plan' }],
  ['jit off', { jit: 'off' }],
  ['work_mem 64 MB', { work_mem: '64MB' }],
  ['synchronous_commit off', { synchronous_commit: 'off' }],
];

async function main(store: Store): Promise<void> {
  const repetitions = readRepetitions();
  for (const size of readSizes()) {
    const versions = [await readSent(size, 0), await readSent(size, 1)];
    const ways = SETTINGS.map(
      ([name, settings]): Way => ({
        name,
        async run() {
          // A session of its own, because plans are kept with it.
          const tx = await store.pool.connect();
          try {
            for (const setting of Object.entries(settings)) {
              await tx.query('SELECT set_config($1, $2, false)', setting);
            }
            return await measureImports(tx, upsertInBatches(SLICE_ROWS[size]), versions);
          } finally {
            tx.release(true);
          }
        },
      }),
    );
    await compareWays(`settings of the session, ${SIZES[size]}`, ways, repetitions);
  }
}

void withDatabase(main);
