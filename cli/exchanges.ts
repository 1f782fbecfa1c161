/** Jobs that exchange the files of the database: those of a restore and of an upgrade, one at a time. */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { RESTORE, UPGRADE } from '../charts/names.ts';
import { RESTORE_CLAIM, RESTORING } from '../environments/backups.ts';
import { CliError } from './errors.ts';
import type { Kubectl } from './kubectl.ts';
import { objectsIn, RESTORING_PATH } from './restore.ts';

const jobSchema = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    template: z.object({
      spec: z.object({ containers: z.array(z.object({ image: z.string(), command: z.array(z.string()) })) }),
    }),
  }),
});
const jobList = z.object({
  items: z.array(
    jobSchema.extend({
      status: z.object({
        conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
      }),
    }),
  ),
});
type Job = z.output<typeof jobSchema>;

/** Names of Jobs that exchange the files of the database. */
type Exchange = typeof RESTORE | typeof UPGRADE;
const EXCHANGES: readonly Exchange[] = [RESTORE, UPGRADE];

/** Jobs of a restore or an upgrade that have not ended. */
async function jobsAtWork(
  kubectl: Kubectl,
  namespace: string,
  of: readonly Exchange[] = EXCHANGES,
): Promise<Job[]> {
  const label = `app.kubernetes.io/name in (${of.join(',')})`;
  const jobs = (await kubectl.json(jobList, ['-n', namespace, 'get', 'jobs', '-l', label]))?.items ?? [];
  return jobs.filter(({ status }) =>
    status.conditions.every(({ type, status }) => !/^(Complete|Failed)$/.test(type) || status !== 'True'),
  );
}

/** Ends Jobs of a restore or an upgrade that are at work: two, or one and the database, must not write to one volume. */
export async function endOthers(
  kubectl: Kubectl,
  namespace: string,
  of: readonly Exchange[] = EXCHANGES,
): Promise<void> {
  const atWork = (await jobsAtWork(kubectl, namespace, of)).map(({ metadata }) => metadata.name);
  if (atWork.length === 0) return;
  await kubectl.run([
    ...['-n', namespace, 'delete', 'jobs', ...atWork, '--ignore-not-found', '--cascade=foreground', '--wait'],
  ]);
}

/**
 * Name of the upgrade's Job that is at work, and does what the Job in a file would: that of a command that was cut off.
 * @throws {CliError} when one is at work that does something else
 */
export async function upgradeUnderWay(
  kubectl: Kubectl,
  namespace: string,
  file: string,
): Promise<string | undefined> {
  const [atWork] = await jobsAtWork(kubectl, namespace, [UPGRADE]);
  if (atWork === undefined) return undefined;
  const { name } = atWork.metadata;
  const wanted = jobSchema.parse(objectsIn(file).find(({ kind }) => kind === 'Job'));
  if (isDeepStrictEqual(atWork.spec, wanted.spec)) return name;
  throw new CliError(
    `Another upgrade of namespace ${namespace} is at work: Job ${name}, with ${atWork.spec.template.spec.containers.map(({ image }) => image).join(' and ')}; nothing was changed.`,
    `Wait for its end: \`${kubectl.command(`-n ${namespace} logs -f job/${name}`)}\`; or run the very command that began it.`,
  );
}

/**
 * Refuses to apply a database whose files a restore or an upgrade is about to exchange, or has not brought yet.
 * @throws {CliError} when one is at work, or has left an empty claim behind
 */
export async function refuseDuringRestore(
  kubectl: Kubectl,
  namespace: string,
  of: readonly Exchange[] = EXCHANGES,
): Promise<void> {
  const [job] = await jobsAtWork(kubectl, namespace, of);
  if (job !== undefined) {
    const { name } = job.metadata;
    throw new CliError(
      `The files of the database are being exchanged in namespace ${namespace} (Job ${name}); nothing was applied.`,
      `Wait for its end: \`${kubectl.command(`-n ${namespace} logs -f job/${name}`)}\`; where its command was cut off, run that again.`,
    );
  }
  const restoring = await kubectl.run([
    ...[
      '-n',
      namespace,
      'get',
      'pvc',
      RESTORE_CLAIM,
      '--ignore-not-found',
      '-o',
      `jsonpath=${RESTORING_PATH}`,
    ],
  ]);
  if (restoring.trim() === '') return;
  throw new CliError(
    `The claim ${RESTORE_CLAIM} was made anew for a restore whose end nobody has seen; nothing was applied.`,
    `Run the restore again; or, to go on with what is on the claim, be it nothing, \`${kubectl.command(`-n ${namespace} annotate pvc ${RESTORE_CLAIM} ${RESTORING}-`)}\` first.`,
  );
}
