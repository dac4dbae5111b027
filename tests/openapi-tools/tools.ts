/** Runs the tools of the folder `tools`, installed when they are missing. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { installFolder } from '../support/install-folder';

export const RUN_TIMEOUT_MS = 120_000;

/** @returns the folder that has them */
export function installTools(): Promise<string> {
  return installFolder(path.join(__dirname, 'tools'), 'openapi-tools');
}

/** What a tool said, and how it ended. */
export interface Run {
  code: number;
  output: string;
}

/** Runs one of them. @param tool name of its command */
export async function runTool(tool: string, args: readonly string[], cwd?: string): Promise<Run> {
  const folder = await installTools();
  const command = path.join(folder, 'node_modules/.bin', tool);
  const options = { cwd: cwd ?? folder, timeout: RUN_TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024 };
  try {
    const { stdout, stderr } = await promisify(execFile)(command, args, options);
    return { code: 0, output: `${stdout}${stderr}` };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: `${stdout}${stderr}` };
  }
}
