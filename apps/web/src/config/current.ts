import { type PublicConfig, readPublicConfig } from './public-config';

declare global {
  // Next bundles the proxy, the pages and the instrumentation apart; the process is what they share.
  var zakposLastGoodConfig: PublicConfig | undefined;
}

/** For the start: Next would serve on after an error, so what is wrong ends the process here. */
export function loadPublicConfigOrExit(): void {
  try {
    globalThis.zakposLastGoodConfig = readPublicConfig(process.env);
  } catch (error) {
    logError(error, '');
    process.exit(1);
  }
}

/** For each request. A file that breaks while the server runs leaves the last good values in use. */
export function currentPublicConfig(): PublicConfig {
  try {
    return (globalThis.zakposLastGoodConfig = readPublicConfig(process.env));
  } catch (error) {
    if (globalThis.zakposLastGoodConfig === undefined) throw error;
    logError(error, ' The last good values stay in use.');
    return globalThis.zakposLastGoodConfig;
  }
}

function logError(error: unknown, consequence: string): void {
  const msg = (error instanceof Error ? error.message : String(error)) + consequence;
  console.error(JSON.stringify({ level: 'error', time: new Date().toISOString(), msg }));
}
