/**
 * A test that takes minutes. With E2E_SHORT=true, as .ci/run sets it for the sake of its hour, it is skipped and counted
 * as such; `npm run e2e` runs it.
 */
const isShort = process.env.E2E_SHORT === 'true';
export const long = isShort ? test.skip : test;
/** Several at once. */
export const longConcurrent = isShort ? test.concurrent.skip : test.concurrent;
