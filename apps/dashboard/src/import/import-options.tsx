/** How an import treats what is stored already. */
import type { ImportOptions } from '#client/index';

export type Treatment = Required<Pick<ImportOptions, 'existing' | 'metadata' | 'nested'>>;

export const DEFAULT_TREATMENT: Treatment = { existing: 'upsert', metadata: 'merge', nested: 'reject' };

interface TreatmentFieldsProps {
  treatment: Treatment;
  onChange(treatment: Treatment): void;
}

export function TreatmentFields({ treatment, onChange }: TreatmentFieldsProps) {
  return (
    <details class="options">
      <summary>Options</summary>
      <div class="mapping-roles">
        <label class="field">
          Ids that are stored already
          <select
            value={treatment.existing}
            onChange={(event) =>
              onChange({ ...treatment, existing: event.currentTarget.value as Treatment['existing'] })
            }
          >
            <option value="upsert">create or update</option>
            <option value="create_only">create only</option>
            <option value="update_only">update only</option>
          </select>
        </label>
        <label class="field">
          Metadata that is stored already
          <select
            value={treatment.metadata}
            onChange={(event) =>
              onChange({ ...treatment, metadata: event.currentTarget.value as Treatment['metadata'] })
            }
          >
            <option value="merge">keep what is not sent</option>
            <option value="replace">replace the whole</option>
          </select>
        </label>
        <label class="field">
          Objects and arrays as values
          <select
            value={treatment.nested}
            onChange={(event) =>
              onChange({ ...treatment, nested: event.currentTarget.value as Treatment['nested'] })
            }
          >
            <option value="reject">refuse the row</option>
            <option value="ignore">leave the key out</option>
            <option value="flatten">flatten into keys</option>
          </select>
        </label>
      </div>
    </details>
  );
}
