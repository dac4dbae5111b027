import type { ComponentChildren } from 'preact';

interface NoticeProps {
  tone: 'error' | 'warning' | 'plain';
  title?: string;
  children?: ComponentChildren;
}

/** Something to know before going on. Errors are read out at once. */
export function Notice({ tone, title, children }: NoticeProps) {
  return (
    <div class={`notice notice-${tone}`} role={tone === 'error' ? 'alert' : undefined}>
      {title !== undefined && <strong>{title}</strong>}
      {children}
    </div>
  );
}
