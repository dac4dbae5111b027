/** The page as a whole: whether someone is signed in, which page is shown, and whether the service answers. */
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { ImportDrop } from './import/import-drop';
import { JobPage } from './pages/job/job-page';
import { JobsPage } from './pages/jobs/jobs-page';
import { ProfilesPage } from './pages/profiles/profiles-page';
import { PropertiesPage } from './pages/properties/properties-page';
import { SignInPage } from './pages/sign-in-page';
import { UnknownPage } from './pages/unknown-page';
import { useRoute } from './route/navigate';
import type { Route } from './route/route';
import { EnvironmentContext, useReadEnvironment } from './session/environment';
import { openSession, SessionContext, storedKey, storeKey } from './session/session';
import { Shell } from './shell';

const REFUSED = 'The service does not accept this key any more. Sign in again.';

export function App() {
  const [key, setKey] = useState(storedKey);
  const [reason, setReason] = useState('');
  const [isReached, setReached] = useState(true);
  const { route, visits } = useRoute();

  const signOut = useCallback((why: string) => {
    storeKey(null);
    setKey(null);
    setReason(why);
  }, []);
  const signIn = useCallback((accepted: string) => {
    storeKey(accepted);
    setReason('');
    setKey(accepted);
  }, []);
  const session = useMemo(
    () =>
      key === null ? null : openSession(key, { onRefused: () => signOut(REFUSED), onReached: setReached }),
    [key, signOut],
  );

  const environment = useReadEnvironment(session);

  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    // After a move the reader is at the new page's heading, as after loading it.
    if (visits > 0) main.current?.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true });
    if (visits > 0) window.scrollTo(0, 0);
  }, [visits]);

  if (session === null) return <SignInPage reason={reason} onSignIn={signIn} />;
  return (
    <SessionContext.Provider value={session}>
      <EnvironmentContext.Provider value={environment}>
        <Shell
          route={route}
          isReached={isReached}
          environment={environment?.slug}
          onSignOut={() => signOut('')}
          mainRef={main}
        >
          <ImportDrop>
            <Page route={route} />
          </ImportDrop>
        </Shell>
      </EnvironmentContext.Provider>
    </SessionContext.Provider>
  );
}

function Page({ route }: { route: Route }) {
  switch (route.page) {
    case 'jobs':
      return <JobsPage />;
    case 'job':
      return <JobPage key={route.jobId} jobId={route.jobId} />;
    case 'users':
    case 'companies':
      return (
        <ProfilesPage
          key={route.page}
          collection={route.page}
          id={route.id}
          companyId={route.companyId}
          search={route.search}
        />
      );
    case 'properties':
      return <PropertiesPage key={route.collection} collection={route.collection} />;
    default:
      return <UnknownPage />;
  }
}
