/** The page's side of the worker: one worker for each task. */
import type { Answer, CheckProgress, Results, Task } from './messages';

/**
 * Does a task in a worker.
 * @param onProgress how far it is, every now and then
 * @param signal ends it; the promise then never settles
 * @throws Error when the file cannot be read
 */
export function runTask<Name extends Task['name']>(
  task: Extract<Task, { name: Name }>,
  signal: AbortSignal,
  onProgress: (progress: CheckProgress) => void = () => {},
): Promise<Results[Name]> {
  const worker = new Worker(new URL('./check-worker.ts', import.meta.url), { type: 'module' });
  signal.addEventListener('abort', () => worker.terminate());
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      if (data.name === 'progress') {
        onProgress(data.progress);
        return;
      }
      worker.terminate();
      if (data.name === 'done') resolve(data.result as Results[Name]);
      else reject(new Error(`The file cannot be read. ${data.message}`.trim()));
    };
    worker.onerror = () => {
      worker.terminate();
      reject(new Error('The file cannot be checked in this browser.'));
    };
    worker.postMessage(task);
  });
}
