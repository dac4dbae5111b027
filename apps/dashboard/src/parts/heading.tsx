import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';

/** The heading of a page; also its title, and where the focus goes after a move. */
export function Heading({ title, children }: { title: string; children?: ComponentChildren }) {
  useEffect(() => {
    document.title = `${title} · Muster`;
  }, [title]);
  return <h1 tabIndex={-1}>{children ?? title}</h1>;
}
