/** The metadata keys that users, or companies, have: types, and how many have them. */
import type { Property } from '#client/index';
import { Empty } from '../../parts/empty';
import { Heading } from '../../parts/heading';
import { Notice } from '../../parts/notice';
import { count } from '../../parts/numbers';
import { Time } from '../../parts/time';
import { Link } from '../../route/link';
import { type Collection, jobAddress, propertiesAddress } from '../../route/route';
import { useProperties } from './use-properties';

const SHARE = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 1 });

export function PropertiesPage({ collection }: { collection: Collection }) {
  const { value: properties, fault } = useProperties(collection);
  return (
    <>
      <div class="page-head">
        <div>
          <Heading title="Properties" />
          <p class="lede">{`What the metadata of ${collection} has, by the imports so far.`}</p>
        </div>
        <nav class="switch" aria-label="Kind">
          {(['users', 'companies'] as const).map((one) => (
            <Link key={one} to={propertiesAddress(one)} current={one === collection}>
              {one === 'users' ? 'Users' : 'Companies'}
            </Link>
          ))}
        </nav>
      </div>
      {fault !== '' && <Notice tone="error">{fault}</Notice>}
      {properties === undefined && fault === '' && <div class="panel waiting" aria-busy="true" />}
      {properties?.length === 0 && (
        <Empty title="No property was seen yet.">
          <p>
            Every key of the metadata of an import is listed here. Drop a file of {collection} anywhere on
            this page to begin.
          </p>
        </Empty>
      )}
      {properties !== undefined && properties.length > 0 && (
        <PropertyTable collection={collection} properties={properties} />
      )}
    </>
  );
}

function PropertyTable({
  collection,
  properties,
}: {
  collection: Collection;
  properties: readonly Property[];
}) {
  return (
    <>
      <div class="panel table-panel">
        <table class="properties">
          <thead>
            <tr>
              <th scope="col">Key</th>
              <th scope="col">Types</th>
              <th scope="col">{collection === 'users' ? 'Users that have it' : 'Companies that have it'}</th>
              <th scope="col" class="number">
                Last seen
              </th>
              <th scope="col">First import</th>
            </tr>
          </thead>
          <tbody>
            {properties.map((property) => (
              <PropertyRow key={property.key} property={property} />
            ))}
          </tbody>
        </table>
      </div>
      {properties[0]?.estimated === true && (
        <p class="hint">Numbers are estimated from a sample, because there are many {collection}.</p>
      )}
    </>
  );
}

function PropertyRow({ property }: { property: Property }) {
  const {
    key,
    types,
    count: having,
    coverage,
    estimated,
    last_seen_at: lastSeenAt,
    first_job_id: jobId,
  } = property;
  return (
    <tr>
      <th scope="row" class="property-key">
        {key}
      </th>
      <td>
        {types.map((type) => (
          <span key={type} class={`badge ${types.length > 1 ? 'badge-mixed' : ''}`}>
            {type}
          </span>
        ))}
      </td>
      <td class="coverage">
        <meter aria-label={`Share that has ${key}`} min={0} max={1} value={coverage} />
        <span class="sub">{`${estimated ? 'about ' : ''}${count(having)} · ${SHARE.format(coverage)}`}</span>
      </td>
      <td class="number property-seen">
        <Time at={lastSeenAt} />
      </td>
      <td>{jobId !== null && <Link to={jobAddress(jobId)}>{jobId.slice(0, 8)}</Link>}</td>
    </tr>
  );
}
