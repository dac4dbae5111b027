/**
 * Segment's own Userpilot destination, from npm. It is large (100 MB) and no dependency of Muster: it is installed with
 * this folder's lock file into `.cache`, where later runs find it.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';

export const INSTALL_TIMEOUT_MS = 300_000;

export interface Settings {
  apiKey: string;
  /** Ends in a slash. */
  endpoint: string;
}

/** What the destination got for a request. */
export interface SegmentResponse {
  status: number;
  url: string;
  data: unknown;
}

/** What is used of the class `TestDestination` of @segment/actions-core, which makes real requests. */
export interface SegmentDestination {
  /** @throws Error when the answer is no success */
  testAuthentication(settings: Settings): Promise<void>;
  /** Maps the event as Segment does by default, and sends it. @throws Error when an answer is no success */
  testAction(
    action: 'identifyUser' | 'identifyCompany' | 'trackEvent',
    data: { event: Record<string, unknown>; settings: Settings; useDefaultMappings: true },
  ): Promise<SegmentResponse[]>;
  /** Deletes the user that the event names. */
  onDelete?(event: Record<string, unknown>, settings: Settings): Promise<unknown>;
}

/** Installs the destination when it is missing, and loads it. @throws Error in words of npm when it cannot be installed */
export async function loadSegmentDestination(): Promise<SegmentDestination> {
  const load = createRequire(path.join(await install(), 'package.json'));
  const { createTestIntegration } = load('@segment/actions-core');
  const { default: definition } = load('@segment/action-destinations/dist/destinations/userpilot');
  return createTestIntegration(definition);
}

/** @returns the folder with node_modules; it exists exactly when its installation has ended well */
async function install(): Promise<string> {
  const lock = readFileSync(path.join(__dirname, 'package-lock.json'));
  const version = createHash('sha256').update(lock).digest('hex').slice(0, 12);
  const folder = path.resolve(__dirname, '../../../.cache', `segment-${version}`);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.unfinished-${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  try {
    for (const name of ['package.json', 'package-lock.json']) {
      copyFileSync(path.join(__dirname, name), path.join(unfinished, name));
    }
    await promisify(execFile)(
      'npm',
      ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
      {
        cwd: unfinished,
        timeout: INSTALL_TIMEOUT_MS,
      },
    ).catch((error: { stderr?: string; message: string }) => {
      throw new Error(`Segment's destination cannot be installed: ${error.stderr || error.message}`);
    });
    renameSync(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return folder;
}
