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
  /** Alerts that have fired and weren't told, since another one says why. */
  readonly silenced: readonly string[];
  /** Alerts that somebody was told of, and that are of none of the faults. */
  readonly others: readonly string[];
  /** Messages that told of something that fires. */
  readonly messages: number;
  readonly summaries: readonly string[];
}

/** How long it is watched after everything was told, for what follows: as long as Alertmanager waits to add to a message. */
const WATCHED_MS = 75_000;

/** Faults that have nothing to do with each other, at one time, from the first strike to the end of the last alert. */
export async function incident(receiver: Receiver, faults: readonly Fault[]): Promise<Incident> {
  const began = Date.now();
  const struck = new Map<string, number>();
  for (const { fault, strike } of faults) {
    struck.set(fault, Date.now());
    await strike();
  }
  const seconds = (from: number, to: number): number => Math.round((to - from) / 1000);
  const messageOf = (alert: string) =>
    receiver.since(began).find((message) => message.firing.some((each) => each.alert === alert));

  const told = await Promise.all(
    faults.map(async ({ fault, alert, within }) => {
      const from = struck.get(fault) ?? began;
      const fired = await eventually(`${alert} fires`, within * 60, async () =>
        (await firing()).includes(alert) ? Date.now() : undefined,
      );
      const message = await eventually(`${alert} is told`, 120, () => Promise.resolve(messageOf(alert)));
      return { fault, alert, fired: seconds(from, fired), told: seconds(from, message.at) };
    }),
  );
  const messages = await watched(receiver, began);

  const mended = new Map<string, number>();
  for (const { fault, mend } of faults) {
    await mend();
    mended.set(fault, Date.now());
  }
  const courses = await Promise.all(
    told.map(async (course, i) => {
      const ended = await eventually(`${course.alert} is over`, (faults[i]?.over ?? 0) * 60, async () =>
        (await firing()).includes(course.alert) ? undefined : Date.now(),
      );
      return { ...course, resolved: seconds(mended.get(course.fault) ?? ended, ended) };
    }),
  );

  const names = faults.map(({ alert }) => alert);
  const fired = await firedWithin((Date.now() - began) / 60_000);
  const said = new Set(receiver.since(began).flatMap((each) => each.firing.map(({ alert }) => alert)));
  return {
    courses,
    silenced: fired.filter((alert) => !names.includes(alert) && !said.has(alert)),
    others: [...said].filter((alert) => !names.includes(alert)).sort(),
    messages,
    summaries: receiver
      .since(began)
      .flatMap((each) => each.firing)
      .filter(({ alert }) => names.includes(alert))
      .map(({ alert, summary, runbook }) => `${alert}: ${summary} (${runbook})`),
  };
}

/** Messages since a time, when some more time has passed. */
async function watched(receiver: Receiver, since: number): Promise<number> {
  const until = Date.now() + WATCHED_MS;
  await eventually('the time of watching has passed', 2 * (WATCHED_MS / 1000), () =>
    Promise.resolve(Date.now() > until ? true : undefined),
  );
  return receiver.since(since).length;
}

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
