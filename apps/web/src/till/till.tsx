'use client';

import { type ReactNode, useEffect, useMemo, useSyncExternalStore } from 'react';

import { ApiClient } from '../api/client';
import { LiveFeed } from '../api/live-feed';
import { type Session, SessionStore } from '../api/session';
import { type Addresses, resolveAddresses } from '../config/addresses';
import type { PublicConfig } from '../config/public-config';
import { Counter } from './counter';
import { LogIn } from './log-in';
import { Register } from './register';

interface Connection {
  readonly sessions: SessionStore;
  readonly api: ApiClient;
  readonly addresses: Addresses;
}

const never = (): (() => void) => () => undefined;

/** The session lives in the browser: the server sends the frame, and the browser fills it. */
export function Till({ config }: { readonly config: PublicConfig }): ReactNode {
  const inBrowser = useSyncExternalStore(
    never,
    () => true,
    () => false,
  );
  if (inBrowser) return <ConnectedTill config={config} />;
  return (
    <main className="opening">
      <p className="brand">{config.shopName}</p>
      <noscript>The till needs JavaScript. Allow it for this page and reload.</noscript>
    </main>
  );
}

function ConnectedTill({ config }: { readonly config: PublicConfig }): ReactNode {
  const connection = useMemo((): Connection => {
    const addresses = resolveAddresses(config, window.location.href);
    const sessions = new SessionStore(window.sessionStorage);
    return { addresses, sessions, api: new ApiClient(addresses.api, sessions, window.fetch.bind(window)) };
  }, [config]);
  const { sessions, api } = connection;
  const session = useSyncExternalStore(sessions.subscribe, sessions.current);

  if (session === null) return <LogIn api={api} shopName={config.shopName} notice={sessions.endReason()} />;
  return (
    <OpenRegister
      key={session.user.id}
      connection={connection}
      user={session.user}
      shopName={config.shopName}
    />
  );
}

interface OpenRegisterProps {
  readonly connection: Connection;
  readonly user: Session['user'];
  readonly shopName: string;
}

function OpenRegister({ connection, user, shopName }: OpenRegisterProps): ReactNode {
  const { api, addresses } = connection;
  const register = useMemo(
    () =>
      new Register(
        api,
        window.sessionStorage,
        user.id,
        (listener) => new LiveFeed(addresses.live, () => api.accessToken(), listener),
      ),
    [api, addresses.live, user.id],
  );
  useEffect(() => {
    register.open();
    return () => {
      register.close();
    };
  }, [register]);
  return <Counter register={register} user={user} shopName={shopName} onLogOut={() => void api.logOut()} />;
}
