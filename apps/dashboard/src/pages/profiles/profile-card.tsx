/** One user or company with all that is stored of it. */
import { Detail } from '../../parts/detail';
import { Empty } from '../../parts/empty';
import { Notice } from '../../parts/notice';
import { Time } from '../../parts/time';
import { Link } from '../../route/link';
import { type Collection, jobAddress, membersAddress, profileAddress } from '../../route/route';
import { ProfileDomains } from './profile-domains';
import { ProfileImports } from './profile-imports';
import { type Profile, useProfile } from './use-profiles';

export function ProfileCard({ collection, id }: { collection: Collection; id: string }) {
  const { value: profile, fault } = useProfile(collection, id);
  if (fault !== '') return <Notice tone="error">{fault}</Notice>;
  if (profile === undefined) return <div class="panel waiting" aria-busy="true" />;
  if (profile === null) {
    return (
      <Empty title={collection === 'users' ? 'There is no such user.' : 'There is no such company.'}>
        <p>
          Ids are compared character by character, capitals and spaces too.{' '}
          <Link to={`/${collection}`}>See the first ones</Link>
        </p>
      </Empty>
    );
  }
  return (
    <>
      <ProfilePanel collection={collection} profile={profile} />
      {collection === 'users' && <ProfileDomains key={id} id={id} />}
      <ProfileImports key={`${collection} ${id}`} collection={collection} id={id} />
    </>
  );
}

function ProfilePanel({ collection, profile }: { collection: Collection; profile: Profile }) {
  return (
    <section class="panel profile" aria-labelledby="profile">
      <h2 id="profile" class="profile-id">
        {profile.id}
      </h2>
      <dl class="details">
        {collection === 'users' ? (
          <Detail name="Company">
            {profile.companyId === null ? (
              <span class="none">none</span>
            ) : (
              <Link to={profileAddress('companies', profile.companyId)}>{profile.companyId}</Link>
            )}
          </Detail>
        ) : (
          <Detail name="Users">
            <Link to={membersAddress(profile.id)}>Show its users</Link>
          </Detail>
        )}
        <Detail name="Created">
          <Time at={profile.createdAt} />
        </Detail>
        <Detail name="Updated">
          <Time at={profile.updatedAt} />
        </Detail>
        <Detail name="Last import">
          {profile.lastJobId === null ? (
            <span class="none">none that is kept</span>
          ) : (
            <Link to={jobAddress(profile.lastJobId)}>{profile.lastJobId.slice(0, 8)}</Link>
          )}
        </Detail>
      </dl>
      <Metadata {...profile} />
    </section>
  );
}

function Metadata({ metadata, numberTexts }: Pick<Profile, 'metadata' | 'numberTexts'>) {
  const entries = Object.entries(metadata);
  if (entries.length === 0) return <p class="hint">No metadata.</p>;
  return (
    <table class="metadata">
      <thead>
        <tr>
          <th scope="col">Property</th>
          <th scope="col">Value</th>
          <th scope="col">Type</th>
        </tr>
      </thead>
      <tbody>
        {entries.map(([key, value]) => (
          <tr key={key}>
            <th scope="row">{key}</th>
            <td class="value">{numberTexts?.get(key) ?? String(value)}</td>
            <td class="sub">{typeof value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
