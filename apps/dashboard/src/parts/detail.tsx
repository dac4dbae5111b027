import type { ComponentChildren } from 'preact';

/** A fact with its name; in a `dl` of the class `details`. */
export function Detail({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
