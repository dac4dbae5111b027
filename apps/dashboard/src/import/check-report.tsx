/** What the check of a file found: how many rows, the first of them, and the errors. */
import { useState } from 'preact/hooks';
import type { Environment } from '#client/index';
import { MAX_ERRORS, type PreviewRow } from '../check/messages';
import { ErrorList } from '../parts/error-list';
import { Notice } from '../parts/notice';
import { bytes, count, percent, rows } from '../parts/numbers';
import { useEnvironment } from '../session/environment';
import type { Check } from './use-check';

export function CheckReport({ check, file }: { check: Check; file: File }) {
  const { progress, result, fault } = check;
  const environment = useEnvironment();
  return (
    <div class="report">
      <p class="report-sum" aria-live="polite">
        {result === undefined ? `Checking … ${percent(progress.bytes, file.size)}` : sentenceOf(result)}
      </p>
      {fault !== '' && <Notice tone="error">{fault}</Notice>}
      {result?.fault && (
        <Notice tone="error" title="The service would refuse this file.">
          <p>{result.fault}</p>
        </Notice>
      )}
      {environment !== undefined &&
        (progress.rows > environment.max_rows || file.size > environment.max_bytes) && (
          <TooLarge name={file.name} environment={environment} />
        )}
      {result?.found.map((sentence) => (
        <p key={sentence} class="hint">
          {sentence}
        </p>
      ))}
      {result?.misfits.map(([column, cells]) => (
        <p key={column} class="hint">
          {`${column}: ${count(cells)} ${cells === 1 ? 'cell does' : 'cells do'} not have the type and stay strings.`}
        </p>
      ))}
      {result?.leftOut.map(([key, found]) => (
        <p key={key} class="hint">
          {`${key}: left out of ${rows(found)}, because its value is an object or array.`}
        </p>
      ))}
      {result !== undefined && result.rows > 0 && <Findings result={result} />}
    </div>
  );
}

function sentenceOf({ rows: all, failedRows }: { rows: number; failedRows: number }): string {
  return failedRows === 0
    ? `${rows(all)}, all of them fine.`
    : `${rows(all)}, ${count(failedRows)} would fail.`;
}

function TooLarge({ name, environment }: { name: string; environment: Environment }) {
  return (
    <Notice tone="warning" title="This is much for one import.">
      <p>
        {`The service takes ${rows(environment.max_rows)} and ${bytes(environment.max_bytes)} at once. `}
        The command line cuts a file of any size:
      </p>
      <pre class="command">{`muster import ${/^[\w.-]+$/.test(name) ? name : 'FILE'}`}</pre>
    </Notice>
  );
}

function Findings({ result }: { result: NonNullable<Check['result']> }) {
  const hasErrors = result.errors.length > 0;
  const [isAtErrors, setAtErrors] = useState(hasErrors);
  const isShowingErrors = isAtErrors && hasErrors;
  return (
    <>
      <fieldset class="groups">
        <legend class="sr-only">Show</legend>
        <button
          type="button"
          class="group"
          aria-pressed={!isShowingErrors}
          onClick={() => setAtErrors(false)}
        >
          First rows
        </button>
        {hasErrors && (
          <button
            type="button"
            class="group"
            aria-pressed={isShowingErrors}
            onClick={() => setAtErrors(true)}
          >
            Errors <span class="group-size">{count(result.errors.length)}</span>
          </button>
        )}
      </fieldset>
      {isShowingErrors ? <ErrorList errors={result.errors} /> : <FirstRows rows={result.preview} />}
      {isShowingErrors && result.errors.length === MAX_ERRORS && (
        <p class="hint">{`The first ${count(MAX_ERRORS)} errors; there may be more.`}</p>
      )}
    </>
  );
}

function FirstRows({ rows: shown }: { rows: readonly PreviewRow[] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be scrollable by keyboard
    <section class="scroll-box" tabIndex={0} aria-label="First rows">
      <table class="first-rows">
        <thead>
          <tr>
            <th scope="col">Row</th>
            <th scope="col">Id</th>
            <th scope="col">Company</th>
            <th scope="col">Metadata</th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ row, id, companyId, metadata, errors }) => (
            <tr key={row}>
              <td>{count(row)}</td>
              <td>{id ?? <span class="none">none</span>}</td>
              <td>{companyId ?? <span class="none">none</span>}</td>
              <td>
                {errors.length > 0 ? <span class="bad">{errors[0]?.message}</span> : <code>{metadata}</code>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
