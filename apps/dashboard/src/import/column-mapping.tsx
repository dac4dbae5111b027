/** Which column of a CSV becomes what. */
import { type Columns, type Kind, LEFT_OUT, type Mapping } from '../check/messages';

interface ColumnMappingProps {
  kind: Kind;
  columns: Columns;
  mapping: Mapping;
  onChange(mapping: Mapping): void;
}

const TYPES: readonly Mapping['types'][number][] = ['string', 'number', 'boolean', 'date', LEFT_OUT];

export function ColumnMapping(props: ColumnMappingProps) {
  const { kind, columns, mapping, onChange } = props;
  return (
    <fieldset class="mapping">
      <legend>Columns</legend>
      <div class="mapping-roles">
        <label class="field">
          {kind === 'users' ? 'User id is in' : 'Company id is in'}
          <select
            value={mapping.idColumn}
            onChange={(event) => onChange({ ...mapping, idColumn: event.currentTarget.value })}
          >
            {columns.header
              .filter((name) => name !== '')
              .map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
          </select>
        </label>
        {kind === 'users' && (
          <label class="field">
            Company is in
            <select
              value={mapping.companyColumn ?? ''}
              onChange={(event) =>
                onChange({ ...mapping, companyColumn: event.currentTarget.value || undefined })
              }
            >
              <option value="">no column</option>
              {columns.header
                .filter((name) => name !== '' && name !== mapping.idColumn)
                .map((name) => (
                  <option key={name} value={name}>
                    {name}
                  </option>
                ))}
            </select>
          </label>
        )}
      </div>
      <MetadataColumns {...props} />
    </fieldset>
  );
}

function MetadataColumns({ columns, mapping, onChange }: ColumnMappingProps) {
  const isMetadata = (name: string) =>
    name !== '' && name !== mapping.idColumn && name !== mapping.companyColumn;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be scrollable by keyboard
    <section class="scroll-box" tabIndex={0} aria-label="Columns of the metadata">
      <table class="mapping-table">
        <thead>
          <tr>
            <th scope="col">Column</th>
            <th scope="col">Property</th>
            <th scope="col">Type</th>
          </tr>
        </thead>
        <tbody>
          {columns.header.map(
            (name, index) =>
              isMetadata(name) && (
                <tr key={name}>
                  <th scope="row">
                    {name}
                    <span class="sub clip">{columns.samples[index]?.join(', ')}</span>
                  </th>
                  <td>
                    <input
                      type="text"
                      aria-label={`Property of ${name}`}
                      value={mapping.names[index]}
                      disabled={mapping.types[index] === LEFT_OUT}
                      onInput={(event) =>
                        onChange({ ...mapping, names: mapping.names.with(index, event.currentTarget.value) })
                      }
                    />
                  </td>
                  <td>
                    <select
                      aria-label={`Type of ${name}`}
                      value={mapping.types[index]}
                      onChange={(event) =>
                        onChange({
                          ...mapping,
                          types: mapping.types.with(
                            index,
                            event.currentTarget.value as Mapping['types'][number],
                          ),
                        })
                      }
                    >
                      {TYPES.map((type) => (
                        <option key={type}>{type}</option>
                      ))}
                    </select>
                  </td>
                </tr>
              ),
          )}
        </tbody>
      </table>
    </section>
  );
}
