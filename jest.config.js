import { availableParallelism } from 'node:os';

/**
 * Tests run in bare Node.js, as the programs do: what a test file loads, such as cdk8s, is there for the next one. So a file
 * puts back what it changes of the process. test/setup.ts ends what hangs. Types are checked once by tsc; here tsx only
 * strips them.
 */
export default {
  runner: 'jest-light-runner/child-process',
  // With one worker tests would share a process, and its output, with Jest itself.
  maxWorkers: Math.max(2, availableParallelism()),
  setupFilesAfterEnv: ['<rootDir>/test/setup.ts'],
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testPathIgnorePatterns: ['<rootDir>/test/e2e/'],
  modulePathIgnorePatterns: ['<rootDir>/apps/', '<rootDir>/dist/'],
};
