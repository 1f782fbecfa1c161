/** Sales that fail or are slow, while everything that they need is there. */
import { API } from '../../../charts/names.ts';
import { podsOf, sales, sold } from './running.ts';
import { HOUR, type Fault, type Values } from './world.ts';

const AT = HOUR;
const apiPods = podsOf(API);

/** From `since` on, so many sales fail for each that doesn't. */
export const failing = (each: number, since: number, minute: number): Values =>
  more('503', each, since, minute);

/** From `since` on, so many sales take longer than they should for each that doesn't. */
const slow = (each: number, since: number, minute: number): Values => more('200', each, since, minute);

const more = (status: string, each: number, since: number, minute: number): Values =>
  Object.fromEntries(
    apiPods.map((pod) => [sales(pod, 'count', status), (each * (sold(minute) - sold(since))) / 2]),
  );

export const SALE_FAULTS: readonly Fault[] = [
  {
    alert: 'SalesFailing',
    of: 'one sale in five',
    from: AT,
    until: AT + 30,
    world: (minute) => failing(1 / 4, AT, minute),
    // Five have failed after four minutes.
    fires: AT + 4 + 2,
    // For half an hour, the short window of six hours has seen enough of them.
    ends: AT + 30 + 29,
    summary: 'Of the sales of the last hour in zakpos, 2.415% failed; 0.1% may.',
  },
  {
    alert: 'SomeSalesFailing',
    of: 'one sale in two hundred, for hours',
    from: AT,
    until: AT + 4 * HOUR,
    world: (minute) => failing(1 / 199, AT, minute),
    // The fifth has failed.
    fires: AT + 198 + 15,
    ends: AT + 527,
    summary: 'Of the sales of the last day in zakpos, 0.3867% failed; 0.1% may.',
  },
  {
    alert: 'SalesSlow',
    of: 'every second sale',
    from: AT,
    until: AT + 30,
    world: (minute) => slow(1, AT, minute),
    // Of the six hours, there has been one so far.
    fires: AT + 5 + 2,
    ends: AT + 30 + 28,
    summary: 'Of the sales of the last hour in zakpos, 10.54% took longer than 0.5 s; 1% may.',
  },
  {
    alert: 'SomeSalesSlow',
    of: 'one sale in twenty-five, for hours',
    from: AT,
    until: AT + 2 * HOUR,
    world: (minute) => slow(1 / 24, AT, minute),
    fires: AT + 22 + 15,
    ends: AT + 401,
    summary: 'Of the sales of the last day in zakpos, 1.663% took longer than 0.5 s; 1% may.',
  },
];

/** Of the few sales of a night, one fails. */
export const oneFailsAtNight = (minute: number): Values =>
  minute < 15 * HOUR
    ? {}
    : Object.fromEntries(apiPods.slice(0, 1).map((pod) => [sales(pod, 'count', '503'), 1]));
