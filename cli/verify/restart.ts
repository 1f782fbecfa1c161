/** Ends the pods of a store and looks for what was there before: an outage of whatever needs it. */
import { until } from '../clock.ts';
import type { Kubectl } from '../kubectl.ts';
import type { Line } from '../steps.ts';
import { deletePods, liveSet, type Store } from '../stores.ts';
import type { Finding } from './check.ts';
import type { KnownStore } from './stores.ts';

/** A broker reads all its logs after a hard stop. */
const START_SECONDS = 600;

export async function restart(
  kubectl: Kubectl,
  store: Store,
  { prepare, memory, recall = memory }: KnownStore,
  line: Line,
): Promise<Finding[]> {
  const { name, namespace } = store;
  const { replicas } = (await liveSet(kubectl, store)).spec;
  const exec = async (pod: string, command: readonly string[]): Promise<string[]> =>
    (await kubectl.run(['-n', namespace, 'exec', pod, '--', ...command])).split('\n').filter(Boolean);
  const isReady = async (pod: string): Promise<boolean> => {
    const status = await kubectl.run([
      ...['-n', namespace, 'get', 'pod', pod, '--ignore-not-found', '-o'],
      'jsonpath={.status.conditions[?(@.type=="Ready")].status}',
    ]);
    return status === 'True';
  };

  const findings: Finding[] = [];
  for (let ordinal = replicas - 1; ordinal >= 0; ordinal -= 1) {
    const pod = `${name}-${ordinal}`;
    line.note(`restarting ${pod}`);
    if (prepare !== undefined) await exec(pod, prepare);
    const before = await exec(pod, memory);
    await deletePods(kubectl, namespace, [pod]);
    await until(START_SECONDS, `${pod} is not ready again`, () => isReady(pod));
    const after = new Set(await exec(pod, recall));
    const lost = before.filter((each) => !after.has(each));
    if (lost.length > 0) {
      findings.push({
        thing: `Pod ${pod}`,
        fact: `has lost in its restart: ${lost.slice(0, 5).join(', ')}${lost.length > 5 ? ', …' : ''}`,
        fix: 'Keep its volume as it is, and restore what is missing: docs/how-to/back-up-and-restore.md.',
      });
    }
  }
  return findings;
}
