import { existsSync, readFileSync } from 'node:fs';

import * as z from 'zod/mini';

/** What the browser is told at run time; nothing of it is part of the build. */
export interface PublicConfig {
  readonly shopName: string;
  /** Without a trailing slash; a path means the page's own origin. */
  readonly apiUrl: string;
  /** Empty: derived from the API's address. */
  readonly wsUrl: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_FILE = '/config/public.json';

const settings = z.object({
  NEXT_PUBLIC_API_URL: z._default(
    z
      .string()
      .check(z.regex(/^(\/(?!\/)|https?:\/\/[^/])\S*$/, 'expected a path such as /api/v1 or an http(s) URL')),
    '/api/v1',
  ),
  NEXT_PUBLIC_WS_URL: z._default(
    z
      .string()
      .check(
        z.regex(/^(wss?:\/\/[^/]\S*)?$/, 'expected a ws(s) URL, or nothing to derive it from the API’s'),
      ),
    '',
  ),
  SHOP_NAME: z._default(
    z
      .string()
      .check(z.trim(), z.minLength(1, 'expected a name'), z.maxLength(60, 'expected at most 60 characters')),
    'ZakPOS',
  ),
});
const settingNames = Object.keys(settings.shape);
const fileContent = z.record(z.string(), z.unknown());

/** Reads the file (it may change at any time) over the environment's variables over the defaults. */
export function readPublicConfig(env: Environment): PublicConfig {
  const file = env.ZAKPOS_PUBLIC_CONFIG ?? DEFAULT_FILE;
  const fromFile = readFile(file, env.ZAKPOS_PUBLIC_CONFIG !== undefined);
  const wanted = Object.fromEntries(settingNames.map((name) => [name, fromFile[name] ?? env[name]]));
  const parsed = settings.safeParse(wanted);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const name = String(issue?.path[0]);
    const source = fromFile[name] === undefined ? `The variable ${name}` : `${name} in ${file}`;
    throw new Error(`${source} is ${JSON.stringify(wanted[name])}: ${issue?.message ?? 'not valid'}.`);
  }
  return {
    shopName: parsed.data.SHOP_NAME,
    apiUrl: withoutTrailingSlash(parsed.data.NEXT_PUBLIC_API_URL),
    wsUrl: withoutTrailingSlash(parsed.data.NEXT_PUBLIC_WS_URL),
  };
}

function readFile(file: string, required: boolean): Record<string, unknown> {
  if (!required && !existsSync(file)) return {};
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`${file} can't be read. Mount it there, or set ZAKPOS_PUBLIC_CONFIG to its path.`, {
      cause: error,
    });
  }
  try {
    return fileContent.parse(JSON.parse(text));
  } catch (error) {
    throw new Error(`${file} isn't a JSON object. Write it as {"NEXT_PUBLIC_API_URL": "/api/v1"}.`, {
      cause: error,
    });
  }
}

function withoutTrailingSlash(url: string): string {
  return url.replace(/\/+$/, '');
}
