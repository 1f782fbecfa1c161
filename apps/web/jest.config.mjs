import nextJest from 'next/jest.js';

const withNext = nextJest({ dir: import.meta.dirname });

export default withNext({
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.{ts,tsx}'],
  setupFilesAfterEnv: ['@testing-library/jest-dom'],
  clearMocks: true,
});
