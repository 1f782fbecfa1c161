/** Questions to the Prometheus that runs in the cluster, by a port that is forwarded to it. */
import { execa, type ResultPromise } from 'execa';
import { z } from 'zod';
import { CONTEXT, NAMESPACE } from './harness.ts';

interface Forward {
  readonly process: ResultPromise<{ reject: false }>;
  readonly url: string;
}
let forward: Forward | undefined;

/** Opens a port of this machine that kubectl chooses. */
async function connect(): Promise<Forward> {
  const process = execa(
    'kubectl',
    ['--context', CONTEXT, '-n', NAMESPACE, 'port-forward', 'service/zakpos-prometheus', ':9090'],
    { reject: false },
  );
  const url = await new Promise<string>((resolve, reject) => {
    let said = '';
    process.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const [, port] = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(said) ?? [];
      if (port !== undefined) resolve(`http://127.0.0.1:${port}/api/v1`);
    });
    void process.then(({ stderr }) => {
      reject(new Error(stderr));
    });
  });
  return { process, url };
}

/** Closes the port, if one is open. */
export function disconnect(): void {
  forward?.process.kill();
  forward = undefined;
}

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

async function get(path: string): Promise<unknown> {
  forward ??= await connect();
  try {
    const response = await fetch(`${forward.url}/${path}`, { signal: AbortSignal.timeout(20_000) });
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    return await response.json();
  } catch (error) {
    // Its pod may be another one by the next question.
    disconnect();
    throw error;
  }
}

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
    `count by (alertname) (count_over_time(ALERTS{alertstate="firing"}[${Math.ceil(60 * minutes)}s]))`,
  );
  return found.map(({ labels }) => labels.alertname ?? '').sort();
}

/** Names of alerts that fire now, sorted. */
export async function firing(): Promise<string[]> {
  const found = await query('count by (alertname) (ALERTS{alertstate="firing"})');
  return found.map(({ labels }) => labels.alertname ?? '').sort();
}
