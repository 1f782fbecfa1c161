/** Faults, and what is told of them: by which alert, after how long, by what else, and that it ends. */
import { table } from '../../../cli/table.ts';
import { eventually } from '../harness.ts';
import { firedWithin, firing } from '../prometheus.ts';
import type { Receiver } from './receiver.ts';

export interface Fault {
  readonly fault: string;
  /** The alert that has to tell of it. */
  readonly alert: string;
  readonly strike: () => Promise<unknown>;
  /** What its runbook says. */
  readonly mend: () => Promise<unknown>;
  /** Minutes within which it has to be told, after the fault. */
  readonly within: number;
  /** Minutes within which it has to be over, after it was mended. */
  readonly over: number;
}

interface Course {
  readonly fault: string;
  readonly alert: string;
  /** Seconds from the fault to the alert, and to the message; from mending it to its end. */
  readonly fired: number;
  readonly told: number;
  readonly resolved: number;
}

export interface Incident {
  readonly courses: readonly Course[];
  /** What was waited for in vain. */
  readonly missed: readonly string[];
  /** Alerts that have fired and weren't told, since another one says why. */
  readonly silenced: readonly string[];
  /** Alerts that somebody was told of, and that are of none of the faults. */
  readonly others: readonly string[];
  /** Messages that told of something that fires. */
  readonly messages: number;
  readonly summaries: readonly string[];
}

/** How long a fault alone is watched for what follows, after it was told: longer than Alertmanager waits to add to it. */
const WATCHED_SECONDS = 75;

/** Faults that have nothing to do with each other, at one time, from the first strike to the end of the last alert. */
export async function incident(receiver: Receiver, faults: readonly Fault[]): Promise<Incident> {
  const began = Date.now();
  const struck: (readonly [Fault, number])[] = [];
  for (const fault of faults) {
    await fault.strike();
    struck.push([fault, Date.now()]);
  }
  const alone = faults.length === 1;
  const ends = await Promise.allSettled(struck.map(([fault, at]) => courseOf(receiver, fault, at, alone)));
  const courses = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
  const missed = ends.flatMap((end) => (end.status === 'rejected' ? [String(end.reason)] : []));

  const names = faults.map(({ alert }) => alert);
  const fired = await firedWithin((Date.now() - began) / 60_000);
  const messages = receiver.since(began);
  const told = messages.flatMap(({ firing }) => firing);
  const said = new Set(told.map(({ alert }) => alert));
  return {
    courses,
    missed,
    silenced: fired.filter((alert) => !names.includes(alert) && !said.has(alert)),
    others: [...said].filter((alert) => !names.includes(alert)).sort(),
    messages: messages.length,
    summaries: [
      ...new Set(told.map(({ alert, summary, runbook }) => `${alert}: ${summary} (${runbook})`)),
    ].sort(),
  };
}

/** From a fault that was struck at a time to its end. Whatever comes, it is mended. */
async function courseOf(receiver: Receiver, fault: Fault, struck: number, alone: boolean): Promise<Course> {
  const { alert, within, over } = fault;
  const secondsSince = (from: number, to: number): number => Math.round((to - from) / 1000);
  let fired: number;
  let told: number;
  try {
    fired = await eventually(`${alert} fires`, within * 60, async () =>
      (await firing()).includes(alert) ? Date.now() : undefined,
    );
    told = await eventually(`${alert} is told`, 120, () =>
      Promise.resolve(
        receiver.since(struck).find((message) => message.firing.some((each) => each.alert === alert))?.at,
      ),
    );
    if (alone) await untilPast(told + 1000 * WATCHED_SECONDS);
  } finally {
    await fault.mend();
  }
  const mended = Date.now();
  const ended = await eventually(`${alert} is over`, over * 60, async () =>
    (await firing()).includes(alert) ? undefined : Date.now(),
  );
  return {
    fault: fault.fault,
    alert,
    fired: secondsSince(struck, fired),
    told: secondsSince(struck, told),
    resolved: secondsSince(mended, ended),
  };
}

const untilPast = (time: number) =>
  eventually('the time of watching has passed', 2 * WATCHED_SECONDS, () =>
    Promise.resolve(Date.now() > time ? true : undefined),
  );

export const describeIncidents = (incidents: readonly Incident[]): string =>
  table([
    [
      'fault',
      'alert',
      'fired after',
      'told after',
      'over after',
      'silenced by it',
      'told beside it',
      'messages',
    ],
    ...incidents.flatMap(({ courses, silenced, others, messages }) =>
      courses.map(({ fault, alert, fired, told, resolved }, i) => [
        ...[fault, alert, `${fired} s`, `${told} s`, `${resolved} s`],
        ...(i === 0
          ? [silenced.join(', ') || 'none', others.join(', ') || 'none', String(messages)]
          : ['"', '"', '"']),
      ]),
    ),
  ]);
