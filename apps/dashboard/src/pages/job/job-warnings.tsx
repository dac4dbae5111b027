import type { Job } from '#client/index';
import { rows } from '../../parts/numbers';

/** What was accepted but is worth a look: keys that were ignored, properties whose type is another one now. */
export function JobWarnings({ job }: { job: Job }) {
  if (job.warnings.length === 0) return null;
  return (
    <section class="panel" aria-labelledby="warnings">
      <h2 id="warnings">Worth a look</h2>
      <ul class="warnings">
        {job.warnings.map(({ code, path, rows: concerned, message }) => (
          <li key={`${code} ${path}`}>
            <span>
              <code>{path}</code> {message}
            </span>
            <span class="sub">{rows(concerned)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
