/**
 * Segment's own Userpilot destination, from npm. It is large (100 MB) and no dependency of Muster: it is installed with
 * this folder's lock file into `.cache`, where later runs find it.
 */
import { createRequire } from 'node:module';
import path from 'node:path';
import { installFolder } from '../../support/install-folder';

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
  const load = createRequire(path.join(await installFolder(__dirname, 'segment'), 'package.json'));
  const { createTestIntegration } = load('@segment/actions-core');
  const { default: definition } = load('@segment/action-destinations/dist/destinations/userpilot');
  return createTestIntegration(definition);
}
