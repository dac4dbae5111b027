/** A file before it is sent: what it is, what would fail, and how its columns are read. */
import { useEffect, useMemo, useState } from 'preact/hooks';
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
import { guessFormat, guessKind, guessMapping, isPlain } from './guess';
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
  const { task, kind, setKind, columns, mapping, setMapping, fault: readFault } = reading;
  const [sending, setSending] = useState<Sending>();
  const [fault, setFault] = useState<unknown>();
  const check = useCheck(task);
  const mayImport = useMayImport();
  const canSend =
    mayImport && check.result !== undefined && check.result.fault === null && sending === undefined;

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
          <p class="sub">{`${bytes(file.size)} · ${guessFormat(file).toUpperCase()}`}</p>
          <KindChoice kind={kind} onChange={setKind} />
        </div>
        {readFault !== '' && <Notice tone="error">{readFault}</Notice>}
        {mapping !== undefined && columns !== undefined && columns.header.length > 0 && (
          <ColumnMapping kind={kind} columns={columns} mapping={mapping} onChange={setMapping} />
        )}
        <CheckReport check={check} file={file} />
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
  const format = guessFormat(file);
  const { columns, fault } = useColumns(file, format === 'csv');
  const [chosenKind, setKind] = useState<Kind>();
  const [chosenMapping, setMapping] = useState<Mapping>();
  const kind = chosenKind ?? guessKind(file.name, columns?.header);
  // Another kind has another id: what was chosen is void.
  useEffect(() => setMapping(undefined), [kind]);
  const mapping = useMemo(
    () => chosenMapping ?? (columns && guessMapping(columns, kind)),
    [chosenMapping, columns, kind],
  );
  const task = useMemo((): FileTask | undefined => {
    if (columns === undefined || mapping === undefined) return undefined;
    const isAsItIs =
      format !== 'csv' || columns.header.length === 0 || isPlain(mapping, kind, columns.header);
    return { file, format, kind, nested, mapping: isAsItIs ? null : mapping };
  }, [file, format, kind, nested, columns, mapping]);
  return { task, kind, setKind, columns, mapping, setMapping, fault };
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
