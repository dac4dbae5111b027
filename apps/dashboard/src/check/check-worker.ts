/** The worker: does one task, beside the page so that nothing of it stands still, and is ended by the page. */
import './node-buffer';
import { checkRows } from './check-rows';
import { describeColumns } from './describe-columns';
import type { Answer, CheckProgress, Task } from './messages';

const answer = (message: Answer) => self.postMessage(message);
const tell = (progress: CheckProgress) => answer({ name: 'progress', progress });

self.onmessage = ({ data }: MessageEvent<Task>) => {
  run(data).then(
    (result) => answer({ name: 'done', result }),
    (error: unknown) => answer({ name: 'broken', message: error instanceof Error ? error.message : '' }),
  );
};

function run(task: Task) {
  return task.name === 'describe' ? describeColumns(task) : checkRows(task, tell);
}
