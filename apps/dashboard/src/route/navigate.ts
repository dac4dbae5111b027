/** Moves between pages without loading: the browser's history is the state. */
import { useEffect, useState } from 'preact/hooks';
import { BASE_PATH } from './base';
import { type Route, readRoute } from './route';

const MOVED = 'muster:moved';

/** @param to path and query of a page, without the path prefix of the service */
export function navigate(to: string): void {
  const address = BASE_PATH + to;
  if (address !== location.pathname + location.search) history.pushState(null, '', address);
  window.dispatchEvent(new Event(MOVED));
}

/** The page of the current address, and its number among those visited: 0 is the one that was loaded. */
export function useRoute(): { route: Route; visits: number } {
  const [state, setState] = useState(() => ({ route: currentRoute(), visits: 0 }));
  useEffect(() => {
    const update = () => setState(({ visits }) => ({ route: currentRoute(), visits: visits + 1 }));
    window.addEventListener('popstate', update);
    window.addEventListener(MOVED, update);
    return () => {
      window.removeEventListener('popstate', update);
      window.removeEventListener(MOVED, update);
    };
  }, []);
  return state;
}

function currentRoute(): Route {
  const { pathname, search } = location;
  const isHere = pathname.startsWith(`${BASE_PATH}/`);
  return readRoute({ pathname: isHere ? pathname.slice(BASE_PATH.length) : pathname, search });
}
