/** Rows a minute over time. The plot library is loaded with the first plot. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type UPlot from 'uplot';
import { count } from '../../parts/numbers';
import type { RatePoint } from './measure-rate';

interface RatePlotProps {
  points: readonly RatePoint[];
  /** Rows a minute that the environment may have; drawn as a line where it is known. */
  limit: number | undefined;
}

const HEIGHT = 180;

export function RatePlot({ points, limit }: RatePlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const [plot, setPlot] = useState<UPlot>();
  useEffect(() => {
    const { current } = box;
    if (current === null) return;
    const stop = new AbortController();
    let drawn: UPlot | undefined;
    const start = async () => {
      const { createPlot } = await import('./draw-plot');
      if (stop.signal.aborted) return;
      drawn = createPlot(current, HEIGHT, limit !== undefined);
      setPlot(drawn);
    };
    void start();
    const observer = new ResizeObserver(() => drawn?.setSize({ width: current.clientWidth, height: HEIGHT }));
    observer.observe(current);
    return () => {
      stop.abort();
      observer.disconnect();
      drawn?.destroy();
    };
  }, [limit]);
  useEffect(() => {
    const rates = points.map(({ rowsPerMinute }) => rowsPerMinute);
    const limits = limit === undefined ? [] : [rates.map(() => limit)];
    plot?.setData([points.map(({ atMs }) => atMs / 1000), rates, ...limits]);
  }, [plot, points, limit]);

  const last = points.at(-1);
  const said =
    last === undefined ? 'Measuring …' : `${count(Math.round(last.rowsPerMinute))} rows a minute now`;
  const limited = limit === undefined ? 'no limit' : `limit ${count(limit)}`;
  return (
    <figure class="plot">
      <div
        ref={box}
        class="plot-box"
        style={{ height: `${HEIGHT}px` }}
        role="img"
        aria-label={`Plot: ${said}`}
      />
      <figcaption class="sub">{`${said} · ${limited}`}</figcaption>
    </figure>
  );
}
