/** The plot, in the colours of the page. The only file that knows the plot library. */
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { count } from '../../parts/numbers';

const TIME = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });

function timeOf(seconds: number): string {
  return TIME.format(seconds * 1000);
}

/** @param hasLimit whether there is a second series, the limit */
export function createPlot(box: HTMLElement, height: number, hasLimit: boolean): UPlot {
  const colour = (name: string) => () => getComputedStyle(box).getPropertyValue(name).trim();
  const axis = {
    stroke: colour('--muted'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  };
  const rate = {
    label: 'rows a minute',
    stroke: colour('--accent'),
    fill: colour('--accent-soft'),
    width: 2,
    points: { show: false },
  };
  const limit = {
    label: 'limit',
    stroke: colour('--muted'),
    dash: [6, 4],
    width: 1,
    points: { show: false },
  };
  return new UPlot(
    {
      width: box.clientWidth,
      height,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false } },
      scales: { y: { range: (_plot, _min, max) => [0, Math.max(60, (max ?? 0) * 1.15)] } },
      axes: [
        { ...axis, size: 30, space: 90, values: (_plot, splits) => splits.map(timeOf) },
        { ...axis, size: 60, values: (_plot, splits) => splits.map(count) },
      ],
      series: [{}, rate, ...(hasLimit ? [limit] : [])],
    },
    [[], [], ...(hasLimit ? [[]] : [])],
    box,
  );
}
