/** Questions to the Prometheus that runs in the cluster, through the API server. */
import { z } from 'zod';
import { kubectl, NAMESPACE } from './harness.ts';

const PROMETHEUS = `/api/v1/namespaces/${NAMESPACE}/services/zakpos-prometheus:9090/proxy/api/v1`;

const vector = z.object({
  data: z.object({
    result: z.array(
      z.object({
        metric: z.record(z.string(), z.string()),
        value: z.tuple([z.number(), z.string()]),
      }),
    ),
  }),
});
const targets = z.object({
  data: z.object({
    activeTargets: z.array(
      z.object({ labels: z.record(z.string(), z.string()), health: z.string(), lastError: z.string() }),
    ),
  }),
});

export interface Sampled {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const get = async (path: string): Promise<unknown> =>
  JSON.parse((await kubectl('get', '--raw', `${PROMETHEUS}/${path}`)).stdout);

/** What a query answers now, a sample for each series. */
export async function query(promql: string): Promise<Sampled[]> {
  const answer = vector.parse(await get(`query?query=${encodeURIComponent(promql)}`));
  return answer.data.result.map(({ metric, value: [, text] }) => ({ labels: metric, value: Number(text) }));
}

export interface Target {
  readonly job: string;
  /** The pod, or the node of a kubelet. */
  readonly of: string;
  readonly health: string;
  readonly error: string;
}

/** All that it asks, and what came of that. */
export async function scraped(): Promise<Target[]> {
  const answer = targets.parse(await get('targets?state=active'));
  return answer.data.activeTargets.map(({ labels, health, lastError }) => ({
    job: labels.job ?? '',
    of: labels.pod ?? labels.node ?? '',
    health,
    error: lastError,
  }));
}

/** Names of alerts that have fired at any time of the last minutes, sorted. */
export async function firedWithin(minutes: number): Promise<string[]> {
  const found = await query(
    `count by (alertname) (count_over_time(ALERTS{alertstate="firing"}[${Math.ceil(minutes)}m]))`,
  );
  return found.map(({ labels }) => labels.alertname ?? '').sort();
}

/** Names of alerts that fire now, sorted. */
export async function firing(): Promise<string[]> {
  const found = await query('count by (alertname) (ALERTS{alertstate="firing"})');
  return found.map(({ labels }) => labels.alertname ?? '').sort();
}
