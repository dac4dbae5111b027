/** A file before it is sent: what it is, what would fail, and how its columns are read. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { DELIMITER_NAMES } from '#file/detect-delimiter';
import type { FileTask, Kind, Mapping } from '../check/messages';
import { BusyNotice } from '../parts/busy-notice';
import { Dialog } from '../parts/dialog';
import { Notice } from '../parts/notice';
import { bytes } from '../parts/numbers';
import { navigate } from '../route/navigate';
import { jobAddress } from '../route/route';
import { useMayImport } from '../session/environment';
import { useSession } from '../session/session';
import { CheckReport } from './check-report';
import { ColumnMapping } from './column-mapping';
import { guessKind, guessMapping, writeMapping } from './guess';
import { DEFAULT_TREATMENT, TreatmentFields } from './import-options';
import { sendFile } from './send-file';
import { useCheck, useColumns } from './use-check';

interface Sending {
  dryRun: boolean;
  onBusy: 'reject' | 'queue';
}

export function ImportDialog({ file, onClose }: { file: File; onClose(): void }) {
  const { client } = useSession();
  const [treatment, setTreatment] = useState(DEFAULT_TREATMENT);
  const reading = useTask(file, treatment.nested);
  const { task, kind, setKind, setDelimiter, columns, mapping, setMapping, fault: readFault } = reading;
  const [sending, setSending] = useState<Sending>();
  const [fault, setFault] = useState<unknown>();
  const isReadable = columns?.isReadable !== false;
  const check = useCheck(isReadable ? task : undefined);
  const mayImport = useMayImport();
  const isChecked = isReadable ? check.result?.fault === null : task !== undefined;
  const canSend = mayImport && isChecked && sending === undefined;

  const send = async (how: Sending) => {
    if (task === undefined) return;
    setSending(how);
    setFault(undefined);
    try {
      const job = await sendFile(client, task, { ...treatment, ...how });
      onClose();
      navigate(jobAddress(job.job_id));
    } catch (thrown) {
      setFault(thrown);
      setSending(undefined);
    }
  };

  return (
    <Dialog title={file.name} class="import" onClose={onClose}>
      <div class="import-body">
        <div class="import-head">
          <p class="sub">{[bytes(file.size), columns?.format].filter(Boolean).join(' · ')}</p>
          <KindChoice kind={kind} onChange={setKind} />
        </div>
        {readFault !== '' && <Notice tone="error">{readFault}</Notice>}
        {mapping !== undefined && columns !== undefined && columns.header.length > 0 && (
          <>
            <DelimiterChoice found={columns.delimiter} onChange={setDelimiter} />
            <ColumnMapping kind={kind} columns={columns} mapping={mapping} onChange={setMapping} />
          </>
        )}
        {columns?.isReadable === false ? (
          <Notice tone="plain">
            {`This is ${columns.format}: the service unpacks and checks it. A dry run says what would happen.`}
          </Notice>
        ) : (
          <CheckReport check={check} file={file} />
        )}
        <TreatmentFields treatment={treatment} onChange={setTreatment} />
      </div>
      {!mayImport && (
        <Notice tone="warning">Your key may read only: the file can be checked, not imported.</Notice>
      )}
      {fault !== undefined && (
        <BusyNotice thrown={fault} onWait={() => void send({ dryRun: false, onBusy: 'queue' })} />
      )}
      <div class="buttons dialog-end">
        <button type="button" class="quiet" onClick={onClose}>
          Close
        </button>
        <button
          type="button"
          disabled={!canSend}
          onClick={() => void send({ dryRun: true, onBusy: 'reject' })}
        >
          {sending?.dryRun === true ? 'Sending …' : 'Dry run'}
        </button>
        <button
          type="button"
          class="primary"
          disabled={!canSend}
          onClick={() => void send({ dryRun: false, onBusy: 'reject' })}
        >
          {sending?.dryRun === false ? 'Sending …' : 'Import'}
        </button>
      </div>
    </Dialog>
  );
}

/** How the file is read: by guess, until somebody says otherwise. */
function useTask(file: File, nested: FileTask['nested']) {
  const [chosenKind, setKind] = useState<Kind>();
  const [header, setHeader] = useState<readonly string[]>();
  const [delimiter, setDelimiter] = useState<string>();
  const [chosenMapping, setMapping] = useState<Mapping>();
  const kind = chosenKind ?? guessKind(file.name, header);
  const { columns, fault } = useColumns({ file, kind, delimiter });
  useEffect(() => setHeader(columns?.header), [columns]);
  // Another kind has another id, another delimiter other columns: what was chosen is void.
  useEffect(() => setMapping(undefined), [kind, delimiter]);
  const mapping = useMemo(
    () => chosenMapping ?? (columns && guessMapping(columns, kind)),
    [chosenMapping, columns, kind],
  );
  const task = useMemo((): FileTask | undefined => {
    if (columns === undefined || mapping === undefined) return undefined;
    const wire = columns.header.length === 0 ? undefined : writeMapping(columns, mapping);
    return { file, kind, delimiter, nested, mapping: wire };
  }, [file, kind, delimiter, nested, columns, mapping]);
  return { task, kind, setKind, setDelimiter, columns, mapping, setMapping, fault };
}

function DelimiterChoice({
  found,
  onChange,
}: {
  found: string | undefined;
  onChange(delimiter: string): void;
}) {
  return (
    <label class="field">
      Cells are divided by
      <select value={found} onChange={(event) => onChange(event.currentTarget.value)}>
        {Object.entries(DELIMITER_NAMES).map(([sign, name]) => (
          <option key={sign} value={sign}>
            {name}
          </option>
        ))}
        {found !== undefined && !(found in DELIMITER_NAMES) && <option value={found}>{found}</option>}
      </select>
    </label>
  );
}

function KindChoice({ kind, onChange }: { kind: Kind; onChange(kind: Kind): void }) {
  return (
    <fieldset class="choice">
      <legend class="sr-only">The rows are</legend>
      {(['users', 'companies'] as const).map((one) => (
        <label key={one}>
          <input type="radio" name="kind" value={one} checked={kind === one} onChange={() => onChange(one)} />
          <span>{one === 'users' ? 'Users' : 'Companies'}</span>
        </label>
      ))}
    </fieldset>
  );
}
