/** Errors of rows by their codes, and each of them with its line: in the job, and in a file before it is sent. */
import { useMemo, useState } from 'preact/hooks';
import { count } from './numbers';
import { useIsNarrow, WindowedList } from './windowed-list';

export interface ListedError {
  row: number;
  line: number | null;
  id: string | null;
  code: string;
  path: string;
  message: string;
}

/** Pixels, as in the style sheet. */
export const ROW_HEIGHT = 44;
const NARROW_ROW_HEIGHT = 84;

export function ErrorList({ errors }: { errors: readonly ListedError[] }) {
  const [code, setCode] = useState('');
  const isNarrow = useIsNarrow();
  const groups = useMemo(() => groupByCode(errors), [errors]);
  const shown = useMemo(
    () => (code === '' ? errors : errors.filter((one) => one.code === code)),
    [errors, code],
  );
  return (
    <>
      <fieldset class="groups">
        <legend class="sr-only">Errors by code</legend>
        <GroupButton name="All" size={errors.length} isOn={code === ''} onClick={() => setCode('')} />
        {groups.map(([name, size]) => (
          <GroupButton
            key={name}
            name={name}
            size={size}
            isOn={code === name}
            onClick={() => setCode(name)}
          />
        ))}
      </fieldset>
      <WindowedList
        key={code}
        label="Errors by line"
        length={shown.length}
        rowHeight={isNarrow ? NARROW_ROW_HEIGHT : ROW_HEIGHT}
        row={(index) => <ErrorRow error={shown[index]} />}
      />
    </>
  );
}

function groupByCode(errors: readonly ListedError[]): [code: string, size: number][] {
  const sizes = new Map<string, number>();
  for (const { code } of errors) sizes.set(code, (sizes.get(code) ?? 0) + 1);
  return [...sizes].sort(([, a], [, b]) => b - a);
}

interface GroupButtonProps {
  name: string;
  size: number;
  isOn: boolean;
  onClick(): void;
}

function GroupButton({ name, size, isOn, onClick }: GroupButtonProps) {
  return (
    <button type="button" class="group" aria-pressed={isOn} onClick={onClick}>
      {name} <span class="group-size">{count(size)}</span>
    </button>
  );
}

function ErrorRow({ error }: { error: ListedError | undefined }) {
  if (error === undefined) return null;
  const { row, line, id, path, message } = error;
  return (
    <div class="error-row">
      <span class="error-line">{line === null ? `row ${count(row)}` : `line ${count(line)}`}</span>
      <span class="error-id" title={id ?? undefined}>
        {id ?? 'no id'}
      </span>
      <code class="error-path" title={path}>
        {path}
      </code>
      <span class="error-message" title={message}>
        {message}
      </span>
    </div>
  );
}
