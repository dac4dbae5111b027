/**
 * Decides by a history and the final state alone whether the service has kept its promises. It believes an answer, allows
 * for everything that a call without an answer may have done, and knows nothing of how the service works.
 */
import { checkJobs } from './check-jobs';
import { checkUsers } from './check-users';
import type { Call, FinalState } from './history';
import { callWrites, groupImports, jobWrites, type Write } from './writes';

export interface Violation {
  kind:
    | 'lost'
    | 'stale'
    | 'doubled'
    | 'unexpected'
    | 'erased user back'
    | 'not final'
    | 'counts'
    | 'cancel'
    | 'retry';
  environment: string;
  /** What is wrong, in one sentence. */
  text: string;
  /** The user that it is about. */
  id?: string;
}

/** @returns what is wrong; nothing when the state is one that the history explains */
export function checkHistory(calls: readonly Call[], state: FinalState): Violation[] {
  const environments = new Set(
    [...calls, ...state.jobs, ...state.users].map(({ environment }) => environment),
  );
  return [...environments].flatMap((environment) => {
    const mine = <T extends { environment: string }>(all: readonly T[]) =>
      all.filter((one) => one.environment === environment);
    return checkEnvironment(environment, mine(calls), {
      jobs: mine(state.jobs),
      users: mine(state.users),
      commits: mine(state.commits),
    });
  });
}

function checkEnvironment(environment: string, calls: readonly Call[], state: FinalState): Violation[] {
  const violations: Violation[] = [];
  const report = (kind: Violation['kind'], text: string, id?: string) => {
    violations.push({ kind, environment, text, ...(id === undefined ? {} : { id }) });
  };
  checkJobs(calls, state.jobs, report);
  checkUsers(listWrites(calls, state), state, report);
  return violations;
}

/** Every write that has or may have taken effect. */
export function listWrites(calls: readonly Call[], state: Pick<FinalState, 'jobs'>): Write[] {
  const imports = groupImports(calls);
  const ofJobs = state.jobs.flatMap((job) => {
    const attempts = imports.get(job.file);
    return attempts === undefined ? [] : jobWrites(job, attempts);
  });
  return [...callWrites(calls), ...ofJobs];
}
