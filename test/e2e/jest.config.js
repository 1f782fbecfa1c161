/** What each suite consists of. */
const SUITES = {
  dev: ['<rootDir>/test/e2e/*.e2e.ts'],
  prod: ['<rootDir>/test/e2e/prod/*.e2e.ts', '<rootDir>/test/e2e/3-isolation.e2e.ts'],
  faults: ['<rootDir>/test/e2e/faults/*.e2e.ts'],
  upgrade: ['<rootDir>/test/e2e/upgrade/*.e2e.ts'],
  monitoring: ['<rootDir>/test/e2e/monitoring/*.e2e.ts'],
};

/** Suites of minutes each that E2E_SHORT=true leaves out, as .ci/run says it for the sake of its hour. */
const LONG = ['7-copies', '7-monitoring', '7-own-app', '7-trouble', '8-deploy'];
const isShort = process.env.E2E_SHORT === 'true';

/**
 * Suites on one kind cluster, one after the other: dev on one node, prod, its faults and what is told of them on three
 * workers. They run in Jest's own runner, which ends a test that waits for ever.
 */
export default {
  rootDir: '../..',
  testEnvironment: 'node',
  // Jest's own cleaning up between files wraps the setters of signal-exit's global emitter until they recurse.
  testEnvironmentOptions: { globalsCleanup: 'off' },
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' }, module: { type: 'es6' } },
    ],
  },
  modulePathIgnorePatterns: ['<rootDir>/apps/', '<rootDir>/dist/'],
  testMatch: SUITES[process.env.ZAKPOS_E2E ?? 'dev'],
  testPathIgnorePatterns: isShort ? LONG.map((name) => `/test/e2e/${name}\\.`) : [],
  globalSetup: '<rootDir>/test/e2e/setup.ts',
  globalTeardown: '<rootDir>/test/e2e/teardown.ts',
  testSequencer: '<rootDir>/test/e2e/sequencer.js',
  testTimeout: 600_000,
  maxWorkers: 1,
  // What needs no cluster takes both of two processors.
  maxConcurrency: 2,
  bail: false,
  // Each test with its seconds: what waits is seen.
  verbose: true,
};
