/** Lines of logs, wherever they come from: read, put in order, searched and written for people. */

/** A line that a container has written. */
export interface LogLine {
  /** When, in UTC to the nanosecond, such as 2026-11-21T14:34:32.867355064Z: texts that sort as the times do. */
  readonly at: string;
  readonly pod: string;
  readonly container: string;
  readonly text: string;
}

/** A line of `kubectl logs --prefix --timestamps`; undefined for anything else that it prints. */
export function readLine(line: string): LogLine | undefined {
  const [, pod, container, time = '', text = ''] =
    /^\[pod\/([^/]+)\/([^\]]+)\] (\S+) ?(.*)$/s.exec(line) ?? [];
  const at = timeOf(time);
  return pod === undefined || container === undefined || at === undefined
    ? undefined
    : { at, pod, container, text };
}

/** A time of RFC 3339 as a {@link LogLine} has it. */
function timeOf(text: string): string | undefined {
  const [, seconds = '', fraction = '', zone = ''] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text) ?? [];
  const milliseconds = Date.parse(`${seconds}${zone}`);
  if (Number.isNaN(milliseconds)) return undefined;
  return `${new Date(milliseconds).toISOString().slice(0, 19)}.${fraction.padEnd(9, '0')}Z`;
}

/** Nanoseconds since 1970 as a {@link LogLine} has them. */
export function timeOfNanoseconds(nanoseconds: string): string {
  const seconds = new Date(Number(nanoseconds.slice(0, -9)) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${nanoseconds.slice(-9)}Z`;
}

/** By time; what is of one time stays as it was. */
export const inOrder = (lines: readonly LogLine[]): LogLine[] =>
  lines.toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));

/** Whether a line names the id of a request, and not one that begins or ends like it. */
export function mentions({ text }: LogLine, id: string): boolean {
  const escaped = id.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(?<![\\w.:-])${escaped}(?![\\w.:-])`).test(text);
}

/** Fields that a line for people has at its beginning, or that the name of the pod tells. */
const KNOWN = ['level', 'time', 'msg', 'service', 'version', 'pid', 'hostname'];

/** A line for people: time, pod, and of JSON the level, the message and the other fields. */
export function pretty({ at, pod, container, text }: LogLine): string {
  const start = `${at.slice(0, 23)}Z ${pod}/${container}`;
  const fields = fieldsOf(text);
  if (fields === undefined) return `${start} ${text}`;
  const { level, msg } = fields;
  const others = Object.entries(fields)
    .filter(([name]) => !KNOWN.includes(name))
    .map(([name, value]) => `${name}=${shown(value)}`);
  return [start, ...[level, msg].flatMap((value) => (typeof value === 'string' ? [value] : [])), ...others]
    .filter((part) => part !== '')
    .join(' ');
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

const shown = (value: unknown): string =>
  typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
