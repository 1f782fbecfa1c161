import {
  cpuToMillicores,
  isBytes,
  isCpu,
  isDuration,
  toBytes,
  toMebibytes,
  toSeconds,
} from '../environments/quantities.ts';

test.each([
  ['1Ki', 1024],
  ['512Mi', 536_870_912],
  ['2Gi', 2_147_483_648],
  ['1Ti', 1_099_511_627_776],
  ['1k', 1000],
  ['5M', 5_000_000],
  ['1G', 1_000_000_000],
])('%s is %i bytes', (text, bytes) => {
  expect(isBytes(text)).toBe(true);
  expect(toBytes(text)).toBe(bytes);
});

test.each(['', '512', '512MB', '512mi', '1.5Gi', '0Mi', '-1Mi', ' 1Mi', '1 Mi', '01Mi', '1Pi'])(
  '"%s" is no size',
  (text) => {
    expect(isBytes(text)).toBe(false);
    expect(() => toBytes(text)).toThrow(
      new Error(`"${text}" is no size; write a whole number with Ki, Mi, Gi or Ti, such as 512Mi`),
    );
  },
);

test.each([
  ['1Gi', 1024],
  ['512Mi', 512],
  ['1000Ki', 0],
  ['1G', 953],
])('%s is %i whole mebibytes', (text, mebibytes) => {
  expect(toMebibytes(text)).toBe(mebibytes);
});

test.each([
  ['250m', 250],
  ['1', 1000],
  ['1.5', 1500],
  ['0.05', 50],
  ['0.001', 1],
])('%s cores are %i thousandths', (text, millicores) => {
  expect(isCpu(text)).toBe(true);
  expect(cpuToMillicores(text)).toBe(millicores);
});

test.each(['', '0', '0.0', '0m', '-1', '1,5', '1.5m', '100%', 'all', '0.0001'])(
  '"%s" is no number of cores',
  (text) => {
    expect(isCpu(text)).toBe(false);
  },
);

test.each([
  ['30s', 30],
  ['15m', 900],
  ['12h', 43_200],
  ['7d', 604_800],
])('%s is %i seconds', (text, seconds) => {
  expect(isDuration(text)).toBe(true);
  expect(toSeconds(text)).toBe(seconds);
});

test.each(['', '7', '7 d', '0d', '1w', '1.5h', '7D'])('"%s" is no duration', (text) => {
  expect(isDuration(text)).toBe(false);
  expect(() => toSeconds(text)).toThrow(
    `"${text}" is no duration; write a whole number with s, m, h or d, such as 7d`,
  );
});
