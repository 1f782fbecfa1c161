/**
 * A test that takes minutes. With E2E_SHORT=true, as .ci/run sets it for the sake of its hour, it is skipped and counted
 * as such; `npm run e2e` runs it.
 */
export const long = process.env.E2E_SHORT === 'true' ? test.skip : test;
