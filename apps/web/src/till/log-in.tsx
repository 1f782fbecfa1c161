import { type ReactNode, type SubmitEvent, useEffect, useMemo, useState } from 'react';

import type { ApiClient } from '../api/client';
import { ApiAway, ApiRefusal } from '../api/errors';
import { AwayBanner } from './away-banner';
import { type Away, Reconnector } from './reconnector';

interface LogInProps {
  readonly api: ApiClient;
  readonly shopName: string;
  readonly notice: string | null;
}

export function LogIn({ api, shopName, notice }: LogInProps): ReactNode {
  const [away, setAway] = useState<Away | null>(null);
  const [refusal, setRefusal] = useState(notice);
  const [busy, setBusy] = useState(false);
  const reconnector = useMemo(() => new Reconnector(() => api.ping(), setAway), [api]);

  useEffect(() => {
    reconnector.start();
    return () => {
      reconnector.stop();
    };
  }, [reconnector]);

  const logIn = async (form: FormData): Promise<void> => {
    setBusy(true);
    setRefusal(null);
    try {
      await api.logIn(field(form, 'email'), field(form, 'password'));
    } catch (error) {
      if (!(error instanceof ApiRefusal || error instanceof ApiAway)) throw error;
      setRefusal(error.message);
      if (error instanceof ApiAway) reconnector.tryNow();
      setBusy(false);
    }
  };

  const submit = (event: SubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    void logIn(new FormData(event.currentTarget));
  };

  return (
    <main className="log-in">
      <h1 className="brand">{shopName}</h1>
      {away === null ? null : <AwayBanner away={away} onTryNow={reconnector.tryNow} />}
      <form onSubmit={submit} aria-busy={busy}>
        <label>
          Email
          <input name="email" type="email" autoComplete="username" required />
        </label>
        <label>
          Password
          <input name="password" type="password" autoComplete="current-password" required />
        </label>
        {refusal === null || away !== null ? null : (
          <p className="trouble" role="alert">
            {refusal}
          </p>
        )}
        <button className="primary" type="submit" disabled={busy}>
          Log in
        </button>
      </form>
    </main>
  );
}

function field(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === 'string' ? value : '';
}
