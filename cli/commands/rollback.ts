/** `npm run rollback`: the pods of before a rollout, in place of new ones that do no good. */
import { z } from 'zod';
import { readConfig } from '../environment.ts';
import { CliError } from '../errors.ts';
import type { Kubectl } from '../kubectl.ts';
import { step } from '../steps.ts';
import { targetOf, type TargetOptions } from '../target.ts';

export interface RollbackOptions extends TargetOptions {
  /** Seconds that the pods of before may take to be ready. */
  readonly timeout: number;
}

const APPS = ['api', 'reports', 'web', 'mobile'] as const;

const deploymentList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), generation: z.number() }),
      status: z.object({
        observedGeneration: z.number().default(0),
        conditions: z.array(z.object({ type: z.string(), reason: z.string().optional() })).default([]),
      }),
    }),
  ),
});

export async function rollback(app: string | undefined, options: RollbackOptions): Promise<void> {
  const { namespace } = readConfig(options);
  if (app !== undefined && !APPS.some((known) => known === app)) {
    throw new CliError(
      `"${app}" is no app with rollouts.`,
      `Name one of ${APPS.join(', ')}. Stores are not rolled back: put the old value back and run \`npm run up\`.`,
    );
  }
  const { kubectl, kind } = targetOf(options);
  await kind?.require();
  const names = app === undefined ? await unfinished(kubectl, namespace) : [`zakpos-${app}`];
  if (names.length === 0) {
    console.log(
      'Every rollout is complete: there is nothing to take back. Name an app to take its last one back.',
    );
    return;
  }
  for (const name of names) {
    await step(`Rolling back ${name}`, async (line) => {
      await kubectl.run(['-n', namespace, 'rollout', 'undo', `deployment/${name}`]);
      line.note('waiting for the pods of before');
      const waited = await kubectl.attempt(
        ['-n', namespace, 'rollout', 'status', `deployment/${name}`, `--timeout=${options.timeout}s`],
        { timeoutSeconds: options.timeout + 10 },
      );
      if (!waited.ok) {
        throw new CliError(
          `${name} is not what it was within ${options.timeout} s: ${waited.stderr.trim()}`,
          `\`npm run status\` tells why; \`${kubectl.command(`-n ${namespace} rollout history deployment/${name}`)}\` lists the revisions there are.`,
        );
      }
      line.rename(`Rolled back ${name}`);
    });
  }
  console.log('The next `npm run up` brings back what the configuration says: put the old image there, too.');
}

/** What its controller says of a rollout whose new pods were all there once, whatever has become of them since. */
const COMPLETE = 'NewReplicaSetAvailable';

/** Apps whose newest pods have never all been ready. */
async function unfinished(kubectl: Kubectl, namespace: string): Promise<string[]> {
  const list = await kubectl.json(deploymentList, [
    ...['-n', namespace, 'get', 'deployments', '-l', 'app.kubernetes.io/part-of=zakpos'],
  ]);
  return (list?.items ?? [])
    .filter(({ metadata }) => APPS.some((app) => metadata.name === `zakpos-${app}`))
    .filter(
      ({ metadata, status }) =>
        status.observedGeneration < metadata.generation ||
        !status.conditions.some(({ type, reason }) => type === 'Progressing' && reason === COMPLETE),
    )
    .map(({ metadata }) => metadata.name);
}
