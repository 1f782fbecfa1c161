import { formatMoney } from '../src/money';

test.each([
  [220, 'EUR', 'en-IE', '€2.20'],
  [5, 'USD', 'en-US', '$0.05'],
  [1500, 'JPY', 'en-US', '¥1,500'],
  [1234567, 'KWD', 'en-US', 'KWD 1,234.567'],
  [90071992547409, 'EUR', 'en-IE', '€900,719,925,474.09'],
])('%i of %s is %s: %s', (minor, currency, locale, expected) => {
  expect(formatMoney(minor, currency, locale).replace(/\u00a0/g, ' ')).toBe(expected);
});
