/** `npm run status -- --load`: what goes on now, read of the pods themselves, with or without a Prometheus. */
import { toBytes } from '../../environments/quantities.ts';
import type { Config } from '../../environments/schema.ts';
import { clock } from '../clock.ts';
import { CliError, messageOf } from '../errors.ts';
import { untilInterrupted } from '../interrupt.ts';
import type { Kubectl } from '../kubectl.ts';
import { describeLoad, loadBetween, type LoadScrape } from '../load.ts';
import { podsOf } from '../log-sources.ts';
import { parseMetrics, type Scrape } from '../metrics.ts';

/** Seconds between two readings: long enough for some sales, short enough to be live. */
const INTERVAL_SECONDS = 3;
/** Longer than the API waits for its database before it answers, which is a second. */
const ANSWER_MS = 3000;

/** Prints one reading, or on a terminal one after the other in its place, until Ctrl-C, whichever of them fail. */
export async function showLoad(
  kubectl: Kubectl,
  config: Config,
  { once, seconds = INTERVAL_SECONDS }: { readonly once: boolean; readonly seconds?: number },
): Promise<void> {
  if (!config.api.metrics) {
    throw new CliError(
      'The image of the API tells no metrics, as its configuration says (api.metrics).',
      'Ask the metrics of your own image, or those of the ingress.',
    );
  }
  const limits = {
    apiMemory: toBytes(config.api.resources.limits.memory),
    reportsMemory: toBytes(config.reports.resources.limits.memory),
  };
  const signal = once ? new AbortController().signal : untilInterrupted();
  const isInterrupted = (): boolean => signal.aborted;
  let before = await scrapeAll(kubectl, config);
  let shown = 0;
  const read = async (): Promise<string> => {
    const after = await scrapeAll(kubectl, config);
    const text = describeLoad(loadBetween(config, limits, before, after));
    before = after;
    return text;
  };
  do {
    await clock.sleep(seconds * 1000, signal);
    if (isInterrupted()) return;
    const text = await (once ? read() : read().catch(messageOf));
    // Which has ended kubectl, too.
    if (isInterrupted()) return;
    // Up to where the reading before began, and everything below it away.
    process.stdout.write(`${shown === 0 ? '' : `\u001b[${shown}A\u001b[J`}${text}\n`);
    shown = text.split('\n').length;
  } while (!once);
}

async function scrapeAll(kubectl: Kubectl, config: Config): Promise<LoadScrape> {
  const { namespace, api } = config;
  const pods = (await podsOf(kubectl, namespace)).filter(({ phase }) => phase === 'Running');
  const of = (component: string): Promise<Scrape[]> =>
    Promise.all(
      pods
        .filter((pod) => pod.component === component)
        .map(({ name }) => scrape(kubectl, namespace, name, api.port)),
    ).then((scrapes) => scrapes.flat());
  const [server, worker] = await Promise.all([of('zakpos-api'), of('zakpos-reports')]);
  if (server.length === 0) {
    throw new CliError(
      `No pod of the API in the namespace ${namespace} tells its metrics.`,
      '`npm run status` says how the API is.',
    );
  }
  return { at: Date.now(), api: server, reports: worker };
}

/** A pod that comes or goes may not answer; the others do. */
async function scrape(kubectl: Kubectl, namespace: string, pod: string, port: number): Promise<Scrape[]> {
  try {
    return await kubectl.withPort({ namespace, pod: `pod/${pod}`, port }, async (url) => {
      const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(ANSWER_MS) });
      return response.ok ? [{ pod, samples: parseMetrics(await response.text()) }] : [];
    });
  } catch {
    return [];
  }
}
