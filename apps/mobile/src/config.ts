import type { Fetch } from './api/http';
import { nullable, record, text } from './decode';

export interface Config {
  /** Without a slash at its end. */
  readonly apiUrl: string;
  readonly shopName: string;
}

/** Where the settings come from: a file beside the static export, or the variables Expo builds in. */
export type ConfigSource =
  { readonly file: string } | { readonly variables: Readonly<Record<string, string | undefined>> };

const DEFAULT_SHOP_NAME = 'ZakPOS';

const settings = record((field) => ({
  apiUrl: field('EXPO_PUBLIC_API_URL', nullable(text)),
  shopName: field('SHOP_NAME', nullable(text)),
}));

export async function loadConfig(source: ConfigSource, fetch: Fetch): Promise<Config> {
  if ('variables' in source) return checked(source.variables, 'the environment');
  return checked(await readFile(source.file, fetch), source.file);
}

async function readFile(file: string, fetch: Fetch): Promise<unknown> {
  const response = await fetch(file, { cache: 'no-store' }).catch(() => {
    throw new Error(`${file} can't be fetched: check the connection.`);
  });
  if (!response.ok) throw new Error(`${file} can't be fetched: the server answered ${response.status}.`);
  try {
    return JSON.parse(await response.text());
  } catch {
    throw new Error(`${file} is not JSON: correct the file that the server takes it from.`);
  }
}

function checked(given: unknown, where: string): Config {
  const { apiUrl, shopName } = settings(given, where);
  if (apiUrl === null || !/^(https?:\/\/[^/]|\/)/.test(apiUrl)) {
    throw new Error(
      `EXPO_PUBLIC_API_URL in ${where} is ${apiUrl === null ? 'missing' : `"${apiUrl}"`}: ` +
        'give the address of the API, such as https://shop.example/api/v1.',
    );
  }
  return { apiUrl: apiUrl.replace(/\/+$/, ''), shopName: shopName ?? DEFAULT_SHOP_NAME };
}
