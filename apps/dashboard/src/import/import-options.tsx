/** How an import treats what is stored already. */
import type { ImportOptions } from '#client/index';

export type Treatment = Required<Pick<ImportOptions, 'existing' | 'metadata'>>;

export const DEFAULT_TREATMENT: Treatment = { existing: 'upsert', metadata: 'merge' };

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
      </div>
    </details>
  );
}
