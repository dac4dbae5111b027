/** Stored users, or companies: search by id, the first ones, and one of them. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Empty } from '../../parts/empty';
import { Heading } from '../../parts/heading';
import { Notice } from '../../parts/notice';
import { count } from '../../parts/numbers';
import { Time } from '../../parts/time';
import { Link } from '../../route/link';
import { navigate } from '../../route/navigate';
import { type Collection, profileAddress } from '../../route/route';
import { ProfileCard } from './profile-card';
import { MAX_LISTED, type Profile, useProfiles } from './use-profiles';

interface ProfilesPageProps {
  collection: Collection;
  /** The one that is shown; null = the list. */
  id: string | null;
  /** Only users of this company. */
  companyId: string | null;
}

export function ProfilesPage({ collection, id, companyId }: ProfilesPageProps) {
  const title = collection === 'users' ? 'Users' : 'Companies';
  return (
    <>
      <div class="page-head">
        <div>
          <Heading title={title} />
          <p class="lede">
            {companyId === null ? `Look one up by its exact id.` : 'Users of the company '}
            {companyId !== null && <Link to={profileAddress('companies', companyId)}>{companyId}</Link>}
          </p>
        </div>
      </div>
      <Search collection={collection} id={id ?? ''} />
      {id === null ? (
        <ProfileList collection={collection} companyId={companyId} />
      ) : (
        <ProfileCard collection={collection} id={id} />
      )}
    </>
  );
}

function Search({ collection, id }: { collection: Collection; id: string }) {
  const [text, setText] = useState(id);
  useEffect(() => setText(id), [id]);
  const submit = (event: JSX.TargetedEvent<HTMLFormElement>) => {
    event.preventDefault();
    navigate(text === '' ? `/${collection}` : profileAddress(collection, text));
  };
  const name = collection === 'users' ? 'User id' : 'Company id';
  return (
    // biome-ignore lint/a11y/useSemanticElements: the element search is not known to every browser
    <form class="filters" role="search" aria-label={name} onSubmit={submit}>
      <label class="grow">
        <span class="sr-only">{name}</span>
        <input
          type="search"
          placeholder={name}
          spellcheck={false}
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

function ProfileList({ collection, companyId }: { collection: Collection; companyId: string | null }) {
  const { value: profiles, fault } = useProfiles(collection, companyId);
  if (fault !== '') return <Notice tone="error">{fault}</Notice>;
  if (profiles === undefined) return <div class="panel waiting" aria-busy="true" />;
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
        <p class="hint">{`The first ${count(MAX_LISTED)} by id. The search finds every one.`}</p>
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
