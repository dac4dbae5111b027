/** What is around every page: the bar with the pages, and the banner while the service does not answer. */
import type { ComponentChildren, RefObject } from 'preact';
import { Logo } from './parts/logo';
import { BASE_PATH } from './route/base';
import { Link } from './route/link';
import type { Route } from './route/route';

interface ShellProps {
  route: Route;
  isReached: boolean;
  /** Name of the environment; undefined until it is known. */
  environment: string | undefined;
  onSignOut(): void;
  mainRef: RefObject<HTMLElement>;
  children: ComponentChildren;
}

export function Shell({ route, isReached, environment, onSignOut, mainRef, children }: ShellProps) {
  const isAtJobs = route.page === 'jobs' || route.page === 'job';
  return (
    <>
      <a class="skip" href="#main">
        Skip to the page
      </a>
      <header class="bar">
        <div class="bar-in">
          <Link to="/" class="brand">
            <Logo />
            Muster
          </Link>
          <nav aria-label="Pages">
            <Link to="/" current={isAtJobs}>
              Jobs
            </Link>
            <Link to="/users" current={route.page === 'users'}>
              Users
            </Link>
            <Link to="/companies" current={route.page === 'companies'}>
              Companies
            </Link>
            <Link to="/properties" current={route.page === 'properties'}>
              Properties
            </Link>
          </nav>
          <div class="bar-end">
            {environment !== undefined && (
              <span class="environment" title="The environment of your key">
                {environment}
              </span>
            )}
            <a href={`${BASE_PATH}/docs`}>API</a>
            <button type="button" class="quiet" onClick={onSignOut}>
              Sign out
            </button>
          </div>
        </div>
      </header>
      <div class="lost" role="status">
        {!isReached && <p>The service does not answer. This page goes on by itself when it does.</p>}
      </div>
      <main id="main" tabIndex={-1} ref={mainRef}>
        {children}
      </main>
    </>
  );
}
