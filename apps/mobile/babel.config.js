/** Expo's own default, written out because jest-expo's web preset doesn't fall back to it. */
module.exports = { presets: ['expo/internal/babel-preset'] };
