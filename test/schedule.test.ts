import { isSchedule, longestGap } from '../environments/schedule.ts';

const [HOUR, DAY] = [3600, 86_400];

test.each([
  ['0 3 * * *', DAY],
  ['0 3 * * 0', 7 * DAY],
  ['0 3 * * sun', 7 * DAY],
  ['0 3 * * MON-FRI', 3 * DAY],
  ['0 3 * * 1,3', 5 * DAY],
  ['*/15 * * * *', HOUR / 4],
  ['0 */6 * * *', 6 * HOUR],
  ['0 8-18/2 * * *', 14 * HOUR],
  ['30 8,20 * * 1-5', 2 * DAY + 12 * HOUR],
  ['5/20 * * * *', HOUR / 3],
  ['0 3 1 * *', 31 * DAY],
  ['0 3 1 JAN ?', 366 * DAY],
  ['0 3 29 2 *', 1461 * DAY],
  // Either day is enough where both are restricted, and both are needed where one isn't.
  ['0 3 1 * 1', 7 * DAY],
  ['0 3 */1 * 1', 7 * DAY],
  ['0 3 1-7 * */1', 25 * DAY],
])('%s runs again after %i seconds at the latest', (schedule, seconds) => {
  expect(isSchedule(schedule)).toBe(true);
  expect(longestGap(schedule)).toBe(seconds);
});

test.each([
  '',
  '@daily',
  '0 3 * *',
  '0 3 * * * *',
  '0  3 * * *',
  '60 3 * * *',
  '0 24 * * *',
  '0 3 0 * *',
  '0 3 * 13 *',
  '0 3 * * 7',
  '0 3 * * foo',
  '0 3 5-2 * *',
  '0 3 *-5 * *',
  '0 3 */0 * *',
  '0 3 1, * *',
  '0 3 30 2 *',
  '1.5 3 * * *',
])('"%s" is no schedule', (schedule) => {
  expect(isSchedule(schedule)).toBe(false);
  expect(() => longestGap(schedule)).toThrow(
    new Error(
      `"${schedule}" is no schedule that comes round; write five fields of cron, such as "0 3 * * *"`,
    ),
  );
});
