import { getRandomBytes } from 'expo-crypto';
import { Platform } from 'react-native';

import type { Fetch } from './api/http';
import type { ConfigSource } from './config';
import { drafts, secrets } from './storage';
import type { Storage } from './storage-type';

/** What the app needs of the device that it runs on. */
export interface Device {
  readonly configSource: ConfigSource;
  readonly fetch: Fetch;
  readonly secrets: Storage;
  readonly drafts: Storage;
  readonly newKey: () => string;
  readonly wait: (milliseconds: number) => Promise<void>;
}

export const device: Device = {
  configSource:
    Platform.OS === 'web' && !__DEV__
      ? { file: '/config.json' }
      : {
          // Named one by one, since Expo replaces these very expressions when it bundles.
          variables: {
            EXPO_PUBLIC_API_URL: process.env.EXPO_PUBLIC_API_URL,
            SHOP_NAME: process.env.EXPO_PUBLIC_SHOP_NAME,
          },
        },
  fetch: (url, init) => fetch(url, init),
  secrets,
  drafts,
  // No randomUUID: a browser has it on https and localhost only, and a shop's phone may use neither.
  newKey: () => Array.from(getRandomBytes(16), (byte) => byte.toString(16).padStart(2, '0')).join(''),
  wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};
