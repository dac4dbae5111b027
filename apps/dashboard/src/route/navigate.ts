/** Moves between pages without loading: the browser's history is the state. */
import { useEffect, useState } from 'preact/hooks';
import { type Route, readRoute } from './route';

const MOVED = 'muster:moved';

export function navigate(to: string): void {
  if (to !== location.pathname + location.search) history.pushState(null, '', to);
  window.dispatchEvent(new Event(MOVED));
}

/** The page of the current address, and its number among those visited: 0 is the one that was loaded. */
export function useRoute(): { route: Route; visits: number } {
  const [state, setState] = useState(() => ({ route: readRoute(location), visits: 0 }));
  useEffect(() => {
    const update = () => setState(({ visits }) => ({ route: readRoute(location), visits: visits + 1 }));
    window.addEventListener('popstate', update);
    window.addEventListener(MOVED, update);
    return () => {
      window.removeEventListener('popstate', update);
      window.removeEventListener(MOVED, update);
    };
  }, []);
  return state;
}
