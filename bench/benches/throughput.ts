/** How quick an import is without the throttle: new users, the same users with other values, and the same once more. */
import type { Bench, Figure } from '../bench';
import { type FinishedJob, finish, type Submission, submitFile } from '../import';
import { makeNdjson, ROWS, SIZES, type Size } from '../make-rows';
import { startService } from '../service';

/** Each import of a repetition, with the version of the file and the outcome that every row must have. */
const IMPORTS = [
  { name: 'insert', version: 0, outcome: 'created' },
  { name: 'update', version: 1, outcome: 'updated' },
  { name: 'unchanged', version: 1, outcome: 'unchanged' },
] as const;

/** What is measured of each import. */
const QUANTITIES: { name: string; unit: string; of(submission: Submission, job: FinishedJob): number }[] = [
  {
    name: 'POST to completed',
    unit: 'rows/s',
    of: ({ postedAtMs }, { endedAtMs }) => ROWS / ((endedAtMs - postedAtMs) / 1000),
  },
  { name: 'POST to 202', unit: 'ms', of: ({ answeredMs }) => answeredMs },
  { name: 'validating', unit: 'ms', of: (_, { stagesMs }) => stagesMs.validating ?? 0 },
  { name: 'processing', unit: 'ms', of: (_, { stagesMs }) => stagesMs.processing ?? 0 },
];

export const throughput: Bench = {
  name: 'throughput',
  about: 'Unthrottled imports of 10,000 rows, small and big: insert, then update, then unchanged.',
  async run({ repetitions, backend, cpuProfile, progress }) {
    const figures = new Map<string, Figure>();
    const service = await startService({ backend, usersPerMinute: 0, cpuProfile });
    try {
      for (const size of ['small', 'big'] as const satisfies Size[]) {
        const files = [await makeNdjson(size, 0), await makeNdjson(size, 1)];
        for (let n = 1; n <= repetitions; n++) {
          progress(`${size}, repetition ${n} of ${repetitions}`);
          const key = await service.addEnvironment();
          for (const { name, version, outcome } of IMPORTS) {
            const submission = await submitFile(service.url, key, files[version] ?? Buffer.alloc(0));
            const job = await finish(service.database, submission.jobId);
            if (job[outcome] !== ROWS)
              throw new Error(`${size} ${name}: ${job[outcome]} rows were ${outcome}.`);
            for (const quantity of QUANTITIES) {
              const title = `${name} ${SIZES[size]}: ${quantity.name}`;
              const figure = figures.get(title) ?? { name: title, unit: quantity.unit, samples: [] };
              figure.samples.push(quantity.of(submission, job));
              figures.set(title, figure);
            }
          }
        }
      }
    } finally {
      await service.stop();
    }
    return [...figures.values()];
  },
};
