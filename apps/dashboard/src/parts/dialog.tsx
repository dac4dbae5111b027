import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';

interface DialogProps {
  title: string;
  class?: string;
  onClose(): void;
  children: ComponentChildren;
}

/** A dialog over the page: the browser keeps the focus in it, Escape closes it, and the focus goes back after. */
export function Dialog({ title, onClose, children, class: name = '' }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  const isOpen = useRef(true);
  useEffect(() => {
    const { current } = dialog;
    current?.showModal();
    return () => {
      isOpen.current = false;
      // Only a dialog that is closed gives the focus back, not one that is taken away.
      current?.close();
    };
  }, []);
  return (
    <dialog ref={dialog} class={name} aria-labelledby={titleId} onClose={() => isOpen.current && onClose()}>
      {/* Else the first control would have the focus, which is seldom the one that is wanted. */}
      <h2 id={titleId} tabIndex={-1} autofocus>
        {title}
      </h2>
      {children}
    </dialog>
  );
}
