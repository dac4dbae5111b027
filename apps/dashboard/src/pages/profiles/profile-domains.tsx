/** The domains that a user is in: fields with where they come from, and similar users. Shows nothing when there are none. */
import type { JeanSimilar, JeanUser } from '#client/index';
import { Notice } from '../../parts/notice';
import { Link } from '../../route/link';
import { profileAddress } from '../../route/route';
import { useLoaded } from '../../session/use-loaded';

const MAX_SIMILAR = 5;

interface InDomain {
  user: JeanUser;
  similar: JeanSimilar['similar'];
}

export function ProfileDomains({ id }: { id: string }) {
  const { value: domains = [], fault } = useLoaded(`domains of ${id}`, async (client, signal) => {
    // Such an id is in no address.
    if (id === '.' || id === '..') return [];
    const found: InDomain[] = [];
    for (const { domain } of await client.userDomains(id, { signal })) {
      const user = await client.domainUser(id, domain, { explain: true, signal });
      const { similar } = await client.similarUsers(id, domain, { limit: MAX_SIMILAR, signal });
      found.push({ user, similar });
    }
    return found;
  });
  if (fault !== '') return <Notice tone="error">{fault}</Notice>;
  return (
    <>
      {domains.map((one) => (
        <DomainPanel key={one.user.domain} {...one} />
      ))}
    </>
  );
}

function DomainPanel({ user, similar }: InDomain) {
  const { domain, schema_version: version, fields, derived, extras } = user;
  const name = `domain-${domain}`;
  const shown = Object.entries({ ...fields, ...derived });
  return (
    <section class="panel profile domain" aria-labelledby={name}>
      <h2 id={name}>
        {domain} <span class="sub">{version}</span>
      </h2>
      {shown.length === 0 ? (
        <p class="hint">No fields yet.</p>
      ) : (
        <table class="metadata fields">
          <thead>
            <tr>
              <th scope="col">Field</th>
              <th scope="col">Value</th>
              <th scope="col">Source</th>
            </tr>
          </thead>
          <tbody>
            {shown.map(([field, value]) => (
              <FieldRow key={field} user={user} field={field} value={value} />
            ))}
          </tbody>
        </table>
      )}
      {Object.keys(extras).length > 0 && (
        <p class="hint">Not in the schema, not used for matching: {Object.keys(extras).join(', ')}</p>
      )}
      <h3>Similar users</h3>
      {similar.length === 0 ? (
        <p class="hint">None in this domain.</p>
      ) : (
        <ol class="similar">
          {similar.map(({ user_id: other, score }) => (
            <li key={other}>
              <Link to={profileAddress('users', other)}>{other}</Link>{' '}
              <span class="sub">{score.toFixed(2)}</span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

function FieldRow({ user, field, value }: { user: JeanUser; field: string; value: unknown }) {
  const { source = '', rule, spans = [] } = user.provenance?.[field] ?? {};
  const quotes = spans.flatMap(({ text }) => (text === null ? [] : [`“${text}”`])).join(', ');
  return (
    <tr>
      <th scope="row">{field}</th>
      <td class="value">{Array.isArray(value) ? value.join(', ') : String(value)}</td>
      <td class="sub" title={rule}>
        {source} {quotes}
      </td>
    </tr>
  );
}
