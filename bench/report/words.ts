/** Numbers and goals as people read them. */
import { isMet, type Outcome, type Verdict } from '../turns.ts';
import type { Unit } from '../work.ts';

/** Three digits that count, and no more decimals than help. */
export function number(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(magnitude >= 10 ? 1 : 2);
}

export const quantity = (value: number, unit: Unit): string => `${number(value)} ${unit}`.trim();

/** Such as `1.23 s (1.20–1.31)`, or why there is nothing. */
export const outcome = (each: Outcome, unit: Unit): string =>
  'why' in each
    ? `not measured: ${each.why}`
    : `${quantity(each.median, unit)} (${number(each.low)}–${number(each.high)})`;

/** Such as `0.62 × helm template, at most 0.7: met`. */
export function verdict(each: Verdict, unit: Unit): string {
  const { than, bound, value, got } = each;
  const [of, limit] = than === undefined ? ['', quantity(value, unit)] : [` × ${than}`, number(value)];
  if (got === undefined) return `${bound} ${limit}${of}: not measured`;
  const reached = than === undefined ? quantity(got, unit) : `${number(got)}${of}`;
  return `${reached}, ${bound} ${limit}: ${isMet(each) === true ? 'met' : 'missed'}`;
}
