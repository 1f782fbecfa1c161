import unit from '../../jest.config.js';

const production = process.env.ZAKPOS_E2E === 'prod';

/** Suites on one kind cluster, one after the other: of dev on one node, or with ZAKPOS_E2E=prod of prod on three. */
export default {
  ...unit,
  rootDir: '../..',
  testMatch: production
    ? ['<rootDir>/test/e2e/prod/*.e2e.ts', '<rootDir>/test/e2e/3-isolation.e2e.ts']
    : ['<rootDir>/test/e2e/*.e2e.ts'],
  testPathIgnorePatterns: [],
  globalSetup: '<rootDir>/test/e2e/setup.ts',
  globalTeardown: '<rootDir>/test/e2e/teardown.ts',
  testSequencer: '<rootDir>/test/e2e/sequencer.js',
  testTimeout: 600_000,
  maxWorkers: 1,
  bail: false,
};
