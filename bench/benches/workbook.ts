/** What a large workbook costs the API: time, memory above idle, and how long others wait meanwhile. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Bench, BenchOptions, Figure } from '../bench';
import { startHealthPoller } from '../health-poller';
import { makeWorkbook, type TextsOf } from '../make-workbook';
import { peakMb, resetPeak, residentMb } from '../process-memory';
import { sendRequest } from '../send-request';
import { startService } from '../service';
import { percentile } from '../statistics';

const GOAL_MB = 300;
/** A sheet has 1,048,576 at most. */
const ROWS = 1_000_000;
const TYPE = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

export const workbook: Bench = {
  name: 'workbook',
  about: `A workbook (XLSX) of ${ROWS} rows, about 90 MB: time from POST to 202, and memory of the API above idle.`,
  async run(options) {
    const folder = mkdtempSync(path.join(tmpdir(), 'muster-bench-workbook-'));
    try {
      const figures: Figure[] = [];
      for (const texts of ['cells', 'workbook'] as const) {
        options.progress(`texts in the ${texts}: writing it`);
        const file = path.join(folder, `${texts}.xlsx`);
        await makeWorkbook(file, ROWS, texts);
        figures.push(...(await measure(readFileSync(file), texts, options)));
      }
      return figures;
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

async function measure(bytes: Buffer, texts: TextsOf, options: BenchOptions): Promise<Figure[]> {
  const { backend, cpuProfile, progress } = options;
  const settings = { MAX_ROWS: String(2 * ROWS), MAX_BYTES: String(1024 ** 3) };
  const service = await startService({ backend, usersPerMinute: 0, workers: 0, settings, cpuProfile });
  try {
    progress(`texts in the ${texts}: sending it`);
    const authorization = `Token ${await service.addEnvironment()}`;
    const idle = residentMb(service.apiPid);
    resetPeak(service.apiPid);
    const poller = startHealthPoller(service.url);
    const begun = performance.now();
    const url = `${service.url}/v1/users/bulk_identify`;
    await sendRequest({ method: 'POST', url, authorization, contentType: TYPE, body: [bytes] });
    const seconds = (performance.now() - begun) / 1000;
    const delays = await poller.stop();
    const aboveIdle = peakMb(service.apiPid) - idle;
    const name = `${(bytes.length / 1024 ** 2).toFixed(0)} MB, texts in the ${texts}: `;
    return [
      { name: `${name}POST to 202`, unit: 's', samples: [seconds] },
      { name: `${name}memory when idle`, unit: 'MB', samples: [idle] },
      { name: `${name}rows a second`, unit: '', samples: [(ROWS - 1) / seconds] },
      {
        name: `${name}peak above idle`,
        unit: 'MB',
        samples: [aboveIdle],
        goal: { text: `< ${GOAL_MB} MB`, met: aboveIdle < GOAL_MB },
      },
      { name: `${name}/healthz meanwhile, 99th percentile`, unit: 'ms', samples: [percentile(delays, 0.99)] },
      { name: `${name}/healthz meanwhile, longest`, unit: 'ms', samples: [Math.max(...delays)] },
    ];
  } finally {
    await service.stop();
  }
}
