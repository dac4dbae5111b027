/** Where the key is asked for. It is tried on the service before it is kept. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { isMusterError } from '#client/index';
import { explain } from '../parts/explain';
import { Heading } from '../parts/heading';
import { Logo } from '../parts/logo';
import { Notice } from '../parts/notice';
import { openSession } from '../session/session';

interface SignInPageProps {
  /** Why there is nobody signed in any more; may be empty. */
  reason: string;
  onSignIn(key: string): void;
}

const IGNORED = { onRefused: () => {}, onReached: () => {} };

export function SignInPage({ reason, onSignIn }: SignInPageProps) {
  const [key, setKey] = useState('');
  const [fault, setFault] = useState(reason);
  const [isBusy, setBusy] = useState(false);

  const submit = async (event: JSX.TargetedEvent<HTMLFormElement>) => {
    event.preventDefault();
    setBusy(true);
    setFault('');
    try {
      await openSession(key, IGNORED).client.environment();
      onSignIn(key.trim());
    } catch (thrown) {
      setFault(
        isMusterError(thrown, 'unauthorized') ? 'The service does not know this key.' : explain(thrown),
      );
      setBusy(false);
    }
  };

  return (
    <main class="sign-in" id="main">
      <div class="panel">
        <p class="brand">
          <Logo /> Muster
        </p>
        <Heading title="Sign in" />
        <form onSubmit={submit}>
          <label class="field">
            API key
            <input
              type="password"
              name="key"
              autocomplete="off"
              spellcheck={false}
              required
              value={key}
              onInput={(event) => setKey(event.currentTarget.value)}
            />
          </label>
          <button type="submit" class="primary" disabled={isBusy}>
            {isBusy ? 'Signing in …' : 'Sign in'}
          </button>
          <div class="sign-in-fault">{fault !== '' && <Notice tone="error">{fault}</Notice>}</div>
        </form>
        <p class="hint">
          A service on your own machine prints its key when it starts, and keeps it in{' '}
          <code>.data/api-key</code>. This page forgets the key with its tab.
        </p>
      </div>
    </main>
  );
}
