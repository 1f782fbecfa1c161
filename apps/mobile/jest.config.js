/** The web preset runs the app on react-native-web, which is what the static export ships. */
module.exports = {
  preset: 'jest-expo/web',
  testEnvironment: '<rootDir>/test/environment.js',
  testMatch: ['<rootDir>/test/**/*.test.{ts,tsx}'],
  clearMocks: true,
};
