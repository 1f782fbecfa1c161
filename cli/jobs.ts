/** Jobs that a command starts: followed to their end, with what they say. */
import { clock } from './clock.ts';
import { look, progressOf, type Component, type Snapshot } from './components.ts';
import { CliError } from './errors.ts';
import { lastLines } from './exec.ts';
import type { Kubectl } from './kubectl.ts';
import { reasonOf } from './reasons.ts';
import type { Line } from './steps.ts';

/** A time that sorts as text and may be part of a name: 20261121t103000z. */
export const stamp = (): string =>
  new Date()
    .toISOString()
    .replace(/\.\d+|[-:]/g, '')
    .toLowerCase();

/** Runs a CronJob's Job now. Answers what it printed. */
export async function runNow(
  kubectl: Kubectl,
  namespace: string,
  cronJob: string,
  line: Line,
): Promise<string> {
  const job = `${cronJob}-${stamp()}`;
  await kubectl.run(['-n', namespace, 'create', 'job', job, `--from=cronjob/${cronJob}`]);
  return follow(kubectl, namespace, job, line);
}

/** Seconds for which the cluster may be silent while a Job is followed, which works on without being looked at. */
const SILENT_SECONDS = 60;

/**
 * Waits for the end of a Job and shows its last words meanwhile. Answers what it printed. `check` sees each look, and
 * throws at what ends the waiting.
 * @throws {CliError} when it has failed, its pod can't start, or somebody has deleted it
 */
export async function follow(
  kubectl: Kubectl,
  namespace: string,
  job: string,
  line: Line,
  check: (seen: Snapshot) => void = () => undefined,
): Promise<string> {
  const component: Component = { kind: 'Job', name: job, namespace };
  const logs = async (...more: string[]): Promise<string> =>
    (await kubectl.attempt(['-n', namespace, 'logs', `job/${job}`, ...more])).stdout;
  for (;;) {
    const seen = await lookPatiently(kubectl, namespace, line);
    check(seen);
    if (!seen.some(({ kind, metadata }) => kind === 'Job' && metadata.name === job)) {
      throw new CliError(
        `Job ${job} is gone: somebody has deleted it.`,
        'Run the same command again, and no other meanwhile.',
      );
    }
    const { ready, failed, pods } = progressOf(component, seen);
    if (ready) return logs();
    if (failed !== undefined) {
      throw new CliError(
        `Job ${job} has failed (${failed}); it says:\n${lastLines(await logs(), 5)}`,
        `\`${kubectl.command(`-n ${namespace} logs job/${job}`)}\` has all of it.`,
      );
    }
    const stuck = pods.map((pod) => reasonOf(pod, clock.now())).find((reason) => reason?.fix !== undefined);
    if (stuck?.fix !== undefined) throw new CliError(`Job ${job} can't run: ${stuck.fact}`, stuck.fix);
    const said = (await logs('--tail=1')).trim();
    if (said !== '') line.note(said);
    await clock.sleep(1000);
  }
}

/** @throws {CliError} when the cluster has said nothing for too long */
async function lookPatiently(kubectl: Kubectl, namespace: string, line: Line): Promise<Snapshot> {
  let silentSince: number | undefined;
  for (;;) {
    try {
      // Who may start a Job need not see anything else.
      return await look(kubectl, [namespace], 'jobs,pods');
    } catch (error) {
      silentSince ??= clock.now();
      if (!(error instanceof CliError) || clock.now() - silentSince >= SILENT_SECONDS * 1000) throw error;
      line.note(error.problem);
      await clock.sleep(1000);
    }
  }
}
