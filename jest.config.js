/** Types are checked once by tsc; here TypeScript is only stripped. */
export default {
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
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testPathIgnorePatterns: ['<rootDir>/test/e2e/'],
  // Some tests run whole programs, on machines that may be busy.
  testTimeout: 60_000,
  modulePathIgnorePatterns: ['<rootDir>/apps/', '<rootDir>/dist/'],
};
