/** Prometheus' text format, as far as metrics of one's own need it, and what two readings of it say. */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The samples of a text; comments, and anything else that is none, are left out. */
export function parseMetrics(text: string): Sample[] {
  return text.split('\n').flatMap((line) => {
    const [, name, labels = '', value = ''] =
      /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$/.exec(line) ?? [];
    if (name === undefined) return [];
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(
      ([, label = '', quoted = '']) => [label, unescape(quoted)] as const,
    );
    return [{ name, labels: Object.fromEntries(pairs), value: numberOf(value) }];
  });
}

const ESCAPED: Readonly<Record<string, string>> = { '\\n': '\n', '\\"': '"', '\\\\': '\\' };
const unescape = (text: string): string => text.replaceAll(/\\[n"\\]/g, (escaped) => ESCAPED[escaped] ?? '');

const numberOf = (text: string): number =>
  text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text);

/** The metrics of one pod at one time. */
export interface Scrape {
  readonly pod: string;
  readonly samples: readonly Sample[];
}

/** Which samples are meant. */
export type Match = (sample: Sample) => boolean;

export const sumOf = (scrapes: readonly Scrape[], match: Match): number =>
  scrapes.flatMap(({ samples }) => samples.filter(match)).reduce((sum, { value }) => sum + value, 0);

export const mostOf = (scrapes: readonly Scrape[], match: Match): number =>
  Math.max(0, ...scrapes.flatMap(({ samples }) => samples.filter(match)).map(({ value }) => value));

/**
 * By how much counters have grown between two readings. A counter that is smaller has begun anew, and one that is new
 * has begun in between; a pod that is new has not been seen before, so that it counts from the next reading on.
 */
export function growth(before: readonly Scrape[], after: readonly Scrape[], match: Match): Sample[] {
  return after.flatMap(({ pod, samples }) => {
    const known = before.find((scrape) => scrape.pod === pod);
    if (known === undefined) return [];
    const old = new Map(known.samples.map((sample) => [identity(sample), sample.value]));
    return samples.filter(match).map((sample) => {
      const from = old.get(identity(sample)) ?? 0;
      return { ...sample, value: sample.value >= from ? sample.value - from : sample.value };
    });
  });
}

const identity = ({ name, labels }: Sample): string =>
  `${name} ${JSON.stringify(Object.entries(labels).sort())}`;

/**
 * The value below which a share of what a histogram has counted is, from the growth of its buckets; within a bucket,
 * evenly spread, as Prometheus has it. Nothing where nothing was counted.
 */
export function quantile(share: number, buckets: readonly Sample[]): number | undefined {
  const counts = new Map<number, number>();
  for (const { labels, value } of buckets) {
    const bound = numberOf(labels.le ?? '');
    counts.set(bound, (counts.get(bound) ?? 0) + value);
  }
  const sorted = [...counts].sort(([a], [b]) => a - b);
  const total = sorted.at(-1)?.[1] ?? 0;
  if (total === 0) return undefined;
  const wanted = share * total;
  const at = sorted.findIndex(([, count]) => count >= wanted);
  const [bound, count] = sorted[at] ?? [Infinity, total];
  const [lower, below] = sorted[at - 1] ?? [0, 0];
  return bound === Infinity ? lower : lower + ((bound - lower) * (wanted - below)) / (count - below);
}
