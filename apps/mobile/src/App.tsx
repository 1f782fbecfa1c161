import { useEffect, useMemo, useState } from 'react';
import { StyleSheet, Text, View } from 'react-native';
import { SafeAreaProvider, SafeAreaView } from 'react-native-safe-area-context';

import { ApiClient } from './api/client';
import { messageOf, SessionEnded } from './api/errors';
import { Http } from './api/http';
import type { User } from './api/messages';
import { Session } from './api/session';
import { type Config, loadConfig } from './config';
import type { Device } from './device';
import { Till } from './till/till';
import { Button } from './ui/Button';
import { LoginScreen } from './ui/LoginScreen';
import { Notice } from './ui/Notice';
import { color } from './ui/theme';
import { TillScreen } from './ui/TillScreen';

interface Shop {
  readonly config: Config;
  readonly api: ApiClient;
  readonly session: Session;
  /** Who was still logged in on this device. */
  readonly user: User | null;
}

type Start =
  | { readonly step: 'loading' }
  | { readonly step: 'failed'; readonly reason: string }
  | { readonly step: 'ready'; readonly shop: Shop };

async function start(device: Device): Promise<Shop> {
  const config = await loadConfig(device.configSource, device.fetch);
  const http = new Http(config.apiUrl, device.fetch);
  const session = new Session(http, device.secrets);
  return { config, session, api: new ApiClient(http, session), user: await session.resume() };
}

export function App({ device }: { readonly device: Device }) {
  const [state, setState] = useState<Start>({ step: 'loading' });
  const loading = state.step === 'loading';

  useEffect(() => {
    if (!loading) return;
    start(device).then(
      (shop) => {
        setState({ step: 'ready', shop });
      },
      (error: unknown) => {
        setState({ step: 'failed', reason: messageOf(error) });
      },
    );
  }, [device, loading]);

  return (
    <SafeAreaProvider>
      <SafeAreaView style={styles.app}>
        {state.step === 'loading' && <Text style={styles.loading}>Opening the till…</Text>}
        {state.step === 'failed' && (
          <View style={styles.failed}>
            <Notice kind="warning" text={state.reason} />
            <Button
              title="Try again"
              primary
              onPress={() => {
                setState({ step: 'loading' });
              }}
            />
          </View>
        )}
        {state.step === 'ready' && <OpenShop shop={state.shop} device={device} />}
      </SafeAreaView>
    </SafeAreaProvider>
  );
}

function OpenShop({ shop, device }: { readonly shop: Shop; readonly device: Device }) {
  const { config, api, session } = shop;
  const [reason, setReason] = useState<string | null>(null);

  const [user, setUser] = useState(shop.user);
  const till = useMemo(() => {
    if (user === null) return null;
    return new Till(api, device, user.id, () => {
      setReason(new SessionEnded().message);
      setUser(null);
    });
  }, [api, device, user]);

  if (till === null) {
    return (
      <LoginScreen
        shopName={config.shopName}
        reason={reason}
        logIn={async (email, password) => {
          setUser(await session.logIn(email, password));
        }}
      />
    );
  }
  return (
    <TillScreen
      till={till}
      shopName={config.shopName}
      logOut={() => {
        setReason(null);
        setUser(null);
        void session.logOut();
      }}
    />
  );
}

const styles = StyleSheet.create({
  app: { flex: 1, backgroundColor: color.ground },
  loading: { margin: 'auto', color: color.quiet, fontSize: 16 },
  failed: { margin: 'auto', width: '100%', maxWidth: 420, gap: 16, padding: 24 },
});
