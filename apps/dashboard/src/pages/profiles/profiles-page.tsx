/** Stored users, or companies: search by id or e-mail address, the first ones, and one of them. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Empty } from '../../parts/empty';
import { Heading } from '../../parts/heading';
import { Notice } from '../../parts/notice';
import { count } from '../../parts/numbers';
import { Time } from '../../parts/time';
import { Link } from '../../route/link';
import { navigate } from '../../route/navigate';
import { type Collection, profileAddress, searchAddress } from '../../route/route';
import { ProfileCard } from './profile-card';
import { MAX_LISTED, type Profile, type ProfilesFilter, useProfiles } from './use-profiles';

interface ProfilesPageProps extends ProfilesFilter {
  collection: Collection;
  /** The one that is shown; null = the list. */
  id: string | null;
}

/** Longest text that the service searches for. */
const MAX_SEARCH_LENGTH = 320;

export function ProfilesPage({ collection, id, companyId, search }: ProfilesPageProps) {
  const title = collection === 'users' ? 'Users' : 'Companies';
  return (
    <>
      <div class="page-head">
        <div>
          <Heading title={title} />
          <p class="lede">
            {companyId === null ? LEDES[collection] : 'Users of the company '}
            {companyId !== null && <Link to={profileAddress('companies', companyId)}>{companyId}</Link>}
          </p>
        </div>
      </div>
      <Search collection={collection} searched={search ?? id ?? ''} />
      {id === null ? (
        <ProfileList collection={collection} companyId={companyId} search={search} />
      ) : (
        <ProfileCard collection={collection} id={id} />
      )}
    </>
  );
}

const LEDES = {
  users: 'Find one by the beginning of its ID or by its email address.',
  companies: 'Find one by the beginning of its ID.',
} as const;

function Search({ collection, searched }: { collection: Collection; searched: string }) {
  const [text, setText] = useState(searched);
  useEffect(() => setText(searched), [searched]);
  const submit = (event: JSX.TargetedEvent<HTMLFormElement>) => {
    event.preventDefault();
    navigate(text === '' ? `/${collection}` : searchAddress(collection, text));
  };
  const name = collection === 'users' ? 'User ID or email' : 'Company ID';
  return (
    // biome-ignore lint/a11y/useSemanticElements: the element search is not known to every browser
    <form class="filters" role="search" aria-label={name} onSubmit={submit}>
      <label class="grow">
        <span class="sr-only">{name}</span>
        <input
          type="search"
          placeholder={name}
          spellcheck={false}
          maxLength={MAX_SEARCH_LENGTH}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="primary">
        Search
      </button>
    </form>
  );
}

function ProfileList({ collection, ...filter }: { collection: Collection } & ProfilesFilter) {
  const { value: profiles, fault } = useProfiles(collection, filter);
  if (fault !== '') return <Notice tone="error">{fault}</Notice>;
  if (profiles === undefined) return <div class="panel waiting" aria-busy="true" />;
  const [only] = profiles;
  if (filter.search !== null && profiles.length === 1 && only !== undefined) {
    return <ProfileCard collection={collection} id={only.id} />;
  }
  if (profiles.length === 0 && filter.search !== null) {
    return (
      <Empty title={`No ${collection} match this search.`}>
        <p>
          {collection === 'users'
            ? 'Enter the beginning of an ID, with the same capitals, or a whole email address. '
            : 'Enter the beginning of an ID, with the same capitals. '}
          <Link to={`/${collection}`}>{`Show all ${collection}`}</Link>
        </p>
      </Empty>
    );
  }
  if (profiles.length === 0) {
    return (
      <Empty title={`There are no ${collection} yet.`}>
        <p>
          Drop a file of {collection} anywhere on this page, or <Link to="/">go to the jobs</Link> and import
          one.
        </p>
      </Empty>
    );
  }
  return (
    <>
      <ProfileTable collection={collection} profiles={profiles.slice(0, MAX_LISTED)} />
      {profiles.length > MAX_LISTED && (
        <p class="hint">{`The first ${count(MAX_LISTED)} by ID. Search to find the others.`}</p>
      )}
    </>
  );
}

function ProfileTable({ collection, profiles }: { collection: Collection; profiles: readonly Profile[] }) {
  return (
    <div class="panel table-panel">
      <table class="profiles">
        <thead>
          <tr>
            <th scope="col">Id</th>
            {collection === 'users' && <th scope="col">Company</th>}
            <th scope="col" class="number">
              Properties
            </th>
            <th scope="col" class="number">
              Updated
            </th>
          </tr>
        </thead>
        <tbody>
          {profiles.map(({ id, companyId, metadata, updatedAt }) => (
            <tr key={id}>
              <td class="clip">
                <Link to={profileAddress(collection, id)} class="row-link">
                  {id}
                </Link>
              </td>
              {collection === 'users' && <td class="clip">{companyId ?? <span class="none">none</span>}</td>}
              <td class="number">{count(Object.keys(metadata).length)}</td>
              <td class="number">
                <Time at={updatedAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
