/** The log is for people on a terminal and for programs elsewhere, and says the same to both. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const run = promisify(execFile);

/** What a process of its own logs. */
async function logOf(format: string): Promise<string> {
  const program = `
    const { createLogger } = require('./dist/src/logger.js');
    const logger = createLogger('worker', 'info', ${format});
    logger.info({ job_id: 'j-1', rows: 3 }, 'import accepted');
    logger.warn({ err: Object.assign(new Error('a secret value'), { code: '57P01' }) }, 'slice failed');`;
  const { stdout, stderr } = await run(process.execPath, ['-e', program]);
  expect(stdout).toBe('');
  return stderr;
}

describe('the log', () => {
  it('is a JSON object a line when nobody looks at a terminal', async () => {
    const lines = (await logOf('undefined'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toMatchObject([
      { level: 30, process: 'worker', job_id: 'j-1', rows: 3, msg: 'import accepted' },
      { level: 40, err: { code: '57P01' }, msg: 'slice failed' },
    ]);
  });

  it('is a line of text for people when that is asked for', async () => {
    const lines = (await logOf("'pretty'")).trimEnd().split('\n');
    expect(lines[0]).toMatch(/^\[\d\d:\d\d:\d\d\]: import accepted \{"job_id":"j-1","rows":3\}$/);
    expect(lines[1]).toMatch(/WARNING slice failed/);
    expect(lines.join('\n')).toContain('57P01');
  });

  it.each(['undefined', "'pretty'"])(
    'never has the message of an error, which may quote values: %s',
    async (format) => {
      expect(await logOf(format)).not.toContain('secret');
    },
  );
});
