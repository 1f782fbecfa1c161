import unit from '../../jest.config.js';

/** Suites on one kind cluster, one after the other. */
export default {
  ...unit,
  rootDir: '../..',
  testMatch: ['<rootDir>/test/e2e/**/*.e2e.ts'],
  testPathIgnorePatterns: [],
  globalSetup: '<rootDir>/test/e2e/setup.ts',
  globalTeardown: '<rootDir>/test/e2e/teardown.ts',
  testSequencer: '<rootDir>/test/e2e/sequencer.js',
  testTimeout: 300_000,
  maxWorkers: 1,
  bail: false,
};
