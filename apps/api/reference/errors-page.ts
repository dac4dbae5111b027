/** The page /docs/errors: what every code means. `type` in error bodies points at its rows. */
import { ERRORS } from '#errors';
import { JOB_ERRORS } from '#job/job';
import { ROW_ERRORS } from '#job/outcome';
import { createPage, type Page } from './page';

const STYLE = `body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #ccc; padding: .4rem .8rem .4rem 0; text-align: left; vertical-align: top; }
tr:target { background: #fff3bf; }`;

/** Ids: the code for answers, `row-` and `job-` before those of rows and jobs, because a code may be in two tables. */
export function createErrorsPage(): Page {
  const answers = Object.entries(ERRORS)
    .sort(([, [a]], [, [b]]) => a - b)
    .map(([code, [status, , sentence]]) => row(code, String(status), code, sentence));
  const rows = Object.entries(ROW_ERRORS).map(([code, sentence]) => row(`row-${code}`, code, sentence));
  const jobs = Object.entries(JOB_ERRORS).map(([code, sentence]) => row(`job-${code}`, code, sentence));
  return createPage(
    'text/html',
    `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Errors of the Muster API</title>
<style>
${STYLE}
</style>
</head>
<body>
<h1>Errors</h1>
<p><a href="../docs">The API</a></p>
<h2>Answers</h2>
<p><code>details</code> in the body says more; <code>Retry-After</code> says when to try again.</p>
${table(['status', 'error_code', 'message'], answers)}
<h2>Rows</h2>
<p>A row that is refused never stops the others; its error names the path in the row.</p>
${table(['code', 'message'], rows)}
<h2>Jobs</h2>
<p><code>error</code> of a job that failed as a whole.</p>
${table(['code', 'message'], jobs)}
</body>
</html>
`,
  );
}

function table(columns: string[], rows: string[]): string {
  const head = columns.map((column) => `<th>${column}</th>`).join('');
  return `<table>\n<tr>${head}</tr>\n${rows.join('\n')}\n</table>`;
}

function row(id: string, ...cells: string[]): string {
  return `<tr id="${id}">${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}</tr>`;
}

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => ESCAPES[character] ?? character);
}
