/**
 * A long list of which only the rows in sight are in the document: ten thousand rows scroll like ten.
 * Every row has the same height, which the style sheet must keep to.
 */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

/** Rows above and below of what is in sight, so that a quick scroll shows no gap. */
const SPARE_ROWS = 8;

interface WindowedListProps {
  label: string;
  length: number;
  /** Pixels. */
  rowHeight: number;
  row(index: number): ComponentChildren;
}

export function WindowedList({ label, length, rowHeight, row }: WindowedListProps) {
  const box = useRef<HTMLElement>(null);
  const [view, setView] = useState({ top: 0, height: 480 });
  useEffect(() => {
    const { current } = box;
    if (current === null) return;
    const measure = () => setView({ top: current.scrollTop, height: current.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(current);
    current.addEventListener('scroll', measure, { passive: true });
    return () => {
      observer.disconnect();
      current.removeEventListener('scroll', measure);
    };
  }, []);

  const first = Math.max(0, Math.min(Math.floor(view.top / rowHeight), length - 1) - SPARE_ROWS);
  const last = Math.min(length, Math.ceil((view.top + view.height) / rowHeight) + SPARE_ROWS);
  const inSight = Array.from({ length: Math.max(0, last - first) }, (_, offset) => first + offset);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be scrollable by keyboard
    <section class="windowed" aria-label={label} tabIndex={0} ref={box}>
      <ul style={{ height: `${length * rowHeight}px` }}>
        {inSight.map((index) => (
          <li
            key={index}
            aria-setsize={length}
            aria-posinset={index + 1}
            style={{ height: `${rowHeight}px`, transform: `translateY(${index * rowHeight}px)` }}
          >
            {row(index)}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Whether the window is as narrow as a phone, now and after it was turned. */
export function useIsNarrow(): boolean {
  const [isNarrow, setNarrow] = useState(() => matchMedia(NARROW).matches);
  useEffect(() => {
    const media = matchMedia(NARROW);
    const update = () => setNarrow(media.matches);
    media.addEventListener('change', update);
    return () => media.removeEventListener('change', update);
  }, []);
  return isNarrow;
}

const NARROW = '(max-width: 40rem)';
