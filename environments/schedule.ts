/** Schedules of CronJobs, read as Kubernetes reads them. */

interface Bounds {
  readonly min: number;
  readonly max: number;
  /** Names of the numbers from `min` on. */
  readonly names: readonly string[];
}

const MINUTES: Bounds = { min: 0, max: 59, names: [] };
const HOURS: Bounds = { min: 0, max: 23, names: [] };
const MONTH_DAYS: Bounds = { min: 1, max: 31, names: [] };
const MONTHS: Bounds = {
  min: 1,
  max: 12,
  names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
};
const WEEKDAYS: Bounds = { min: 0, max: 6, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] };

const MS_PER_DAY = 86_400_000;
/** Days with three leap days among them, so that even a yearly run of that day comes round. */
const SOME_YEARS = range(Date.UTC(2000, 0, 1) / MS_PER_DAY, Date.UTC(2008, 11, 31) / MS_PER_DAY);

/** Whether a text is five fields of cron that ever come round. */
export const isSchedule = (text: string): boolean => gapOf(text) !== undefined;

/** Seconds of the longest time between two runs. Throws on anything that {@link isSchedule} refuses. */
export function longestGap(schedule: string): number {
  const gap = gapOf(schedule);
  if (gap === undefined) {
    throw new Error(
      `"${schedule}" is no schedule that comes round; write five fields of cron, such as "0 3 * * *"`,
    );
  }
  return gap;
}

function gapOf(schedule: string): number | undefined {
  const [minute = '', hour = '', monthDay = '', month = '', weekday = '', ...more] = schedule.split(' ');
  const minutes = numbersOf(minute, MINUTES);
  const times = numbersOf(hour, HOURS).flatMap((h) => minutes.map((m) => h * 60 + m));
  const [first, last] = [times[0], times.at(-1)];
  const days = daysOf(monthDay, month, weekday);
  if (first === undefined || last === undefined || days.length < 2 || more.length > 0) return undefined;
  return Math.max(largestStep(times), largestStep(days) * 24 * 60 - last + first) * 60;
}

/** The days on which a schedule runs, counted from 1970. */
function daysOf(monthDay: string, month: string, weekday: string): number[] {
  const monthDays = numbersOf(monthDay, MONTH_DAYS);
  const months = numbersOf(month, MONTHS);
  const weekdays = numbersOf(weekday, WEEKDAYS);
  if (monthDays.length === 0 || weekdays.length === 0) return [];
  // Where both fields of days restrict, one of them is enough.
  const either = [monthDay, weekday].every(
    (field) => !field.split(',').some((part) => /^[*?](\/1)?$/.test(part)),
  );
  return SOME_YEARS.filter((day) => {
    const date = new Date(day * MS_PER_DAY);
    const inMonth = monthDays.includes(date.getUTCDate());
    const inWeek = weekdays.includes(date.getUTCDay());
    return months.includes(date.getUTCMonth() + 1) && (either ? inMonth || inWeek : inMonth && inWeek);
  });
}

/** The numbers that a field names, in order; none for what is no field. */
function numbersOf(field: string, bounds: Bounds): number[] {
  const parts = field.split(',').map((part) => numbersOfPart(part, bounds));
  return parts.some((part) => part.length === 0)
    ? []
    : [...new Set(parts.flat())].sort((one, other) => one - other);
}

/** `*`, `2`, `2-5`, and each of them with a step, as in `2/10`, which goes on to the end. */
function numbersOfPart(part: string, { min, max, names }: Bounds): number[] {
  const [, all, from = '', to, step] = /^(?:([*?])|(\w+)(?:-(\w+))?)(?:\/([1-9]\d*))?$/.exec(part) ?? [];
  const numberOf = (text: string): number => {
    const named = names.indexOf(text.toLowerCase());
    return named >= 0 ? min + named : Number(/^\d+$/.exec(text) ?? NaN);
  };
  const first = all === undefined ? numberOf(from) : min;
  const last = to !== undefined ? numberOf(to) : all === undefined && step === undefined ? first : max;
  if (!(min <= first && first <= last && last <= max)) return [];
  return range(first, last).filter((number) => (number - first) % Number(step ?? 1) === 0);
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** The largest difference between neighbours; 0 where there are none. */
const largestStep = (numbers: readonly number[]): number =>
  Math.max(0, ...numbers.slice(1).map((number, i) => number - (numbers[i] ?? number)));
