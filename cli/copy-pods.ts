/** Two pods of a store's own image, one of which mounts the claims to copy from, and the other those to copy to. */
import { z } from 'zod';
import { COPY_RESOURCES } from '../environments/demand.ts';
import { sizeText } from './claims.ts';
import { clock, until } from './clock.ts';
import { look } from './components.ts';
import { CliError } from './errors.ts';
import { lastLines } from './exec.ts';
import type { Kubectl } from './kubectl.ts';
import type { MovePlan } from './move-plan.ts';
import { reasonOf } from './reasons.ts';
import type { Line } from './steps.ts';
import { applyObject, deletePods, HOST_NAME } from './stores.ts';

/** Milliseconds between two notes of how much is copied. */
const NOTE_MS = 5000;
/** The longest that the checksums of one claim may take. */
const CHECKSUM_SECONDS = 3600;

/** What a pod that copies takes over from the store's own, so that it may do what the store may. */
const podTemplate = z.object({
  spec: z.object({
    securityContext: z.looseObject({}).optional(),
    imagePullSecrets: z.array(z.unknown()).optional(),
    priorityClassName: z.string().optional(),
    tolerations: z.array(z.unknown()).default([]),
    containers: z.tuple(
      [
        z.object({
          image: z.string(),
          imagePullPolicy: z.string().optional(),
          securityContext: z.looseObject({}).optional(),
        }),
      ],
      z.unknown(),
    ),
  }),
});

type Role = 'from' | 'to';

export class CopyPods {
  private readonly kubectl: Kubectl;
  private readonly plan: MovePlan;
  /** Seconds that they may take to start. */
  private readonly seconds: number;

  constructor(kubectl: Kubectl, plan: MovePlan, seconds: number) {
    this.kubectl = kubectl;
    this.plan = plan;
    this.seconds = seconds;
  }

  /** Starts one that mounts the old claims, or the new ones, and does nothing by itself. */
  async start(role: Role): Promise<void> {
    const { set, claims, host } = this.plan;
    const { containers, tolerations, ...own } = podTemplate.parse(set.spec.template).spec;
    const [{ image, imagePullPolicy, securityContext }] = containers;
    const mounts = claims.map((claim, index) => ({
      volume: `claim-${index}`,
      claimName: role === 'from' ? claim.name : claim.moving,
      path: `/${role}/${index}`,
    }));
    await applyObject(this.kubectl, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: this.name(role),
        namespace: set.metadata.namespace,
        labels: { 'app.kubernetes.io/name': 'zakpos-move', 'app.kubernetes.io/part-of': 'zakpos' },
      },
      spec: {
        ...own,
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        restartPolicy: 'Never',
        terminationGracePeriodSeconds: 1,
        ...(role === 'to' ? { nodeSelector: { [HOST_NAME]: host } } : {}),
        // A node that is about to go is what stores are moved away from.
        tolerations: role === 'from' ? [...tolerations, UNSCHEDULABLE] : tolerations,
        containers: [
          {
            name: 'copy',
            image,
            imagePullPolicy,
            securityContext,
            command: ['sleep', '2147483647'],
            resources: {
              requests: { ...COPY_RESOURCES.requests, 'ephemeral-storage': '64Mi' },
              limits: { ...COPY_RESOURCES.limits, 'ephemeral-storage': '64Mi' },
            },
            volumeMounts: mounts.map(({ volume, path }) => ({
              name: volume,
              mountPath: path,
              readOnly: role === 'from',
            })),
          },
        ],
        volumes: mounts.map(({ volume, claimName }) => ({
          name: volume,
          persistentVolumeClaim: { claimName },
        })),
      },
    });
    await until(this.seconds, `${this.name(role)} has not started`, () => this.runs(role));
  }

  async remove(): Promise<void> {
    await deletePods(this.kubectl, this.plan.set.metadata.namespace, [this.name('from'), this.name('to')]);
  }

  /**
   * Copies one claim over whatever the new one holds, and answers how many bytes went over.
   * @throws {CliError} when it is not the same afterwards
   */
  async copy(index: number, line: Line): Promise<number> {
    const name = this.plan.claims[index]?.name ?? '';
    let [bytes, noted] = [0, Date.now()];
    const piped = await this.kubectl.pipe(
      this.exec('from', index, PACK),
      this.exec('to', index, UNPACK, ['-i']),
      (total) => {
        bytes = total;
        if (Date.now() - noted < NOTE_MS) return;
        noted = Date.now();
        line.note(`${name}: ${sizeText(total)}`);
      },
    );
    if (!piped.ok) {
      throw new CliError(
        `${name} could not be copied: ${lastLines(piped.stderr)}`,
        'Mend what it names; the next run copies all of it again.',
      );
    }
    line.note(`${name}: comparing checksums`);
    const [source, target] = await Promise.all([this.list('from', index), this.list('to', index)]);
    const different = source.find((text, at) => text !== target[at]) ?? target[source.length];
    if (different === undefined) return bytes;
    throw new CliError(
      `The copy of ${name} is not the same: ${different}`,
      'The next run copies all of it again.',
    );
  }

  /** The checksum, mode and name of everything in a claim. */
  private async list(role: Role, index: number): Promise<string[]> {
    const text = await this.kubectl.run(this.exec(role, index, LIST), { timeoutSeconds: CHECKSUM_SECONDS });
    return text.split('\n');
  }

  /** @throws {CliError} when it will not by waiting */
  private async runs(role: Role): Promise<boolean> {
    const pod = (await look(this.kubectl, [this.plan.set.metadata.namespace])).find(
      (object) => object.kind === 'Pod' && object.metadata.name === this.name(role),
    );
    if (pod?.kind !== 'Pod') return false;
    const reason = reasonOf(pod, clock.now());
    if (reason?.fix === undefined) return reason === undefined;
    throw new CliError(`${this.name(role)} does not start: ${reason.fact}`, reason.fix);
  }

  private name(role: Role): string {
    return `${this.plan.set.metadata.name}-${this.plan.ordinal}-move-${role}`;
  }

  private exec(role: Role, index: number, script: string, flags: readonly string[] = []): string[] {
    return [
      ...['-n', this.plan.set.metadata.namespace, 'exec', ...flags, this.name(role)],
      ...['--', 'sh', '-c', script, 'sh', `/${role}/${index}`],
    ];
  }
}

const UNSCHEDULABLE = { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' };

/*
 * Scripts for any shell and the tools that all images of stores have; their argument is where the claim is mounted. What
 * is in the claim is named one by one: the folder of the mount itself, and the file system's lost+found, belong to root.
 * An archive of nothing is two blocks of zeros.
 */
export const PACK = `cd "$1" || exit 1
set --
for path in * .[!.]*; do [ -e "$path" ] && [ "$path" != lost+found ] && set -- "$@" "./$path"; done
[ $# -gt 0 ] || exec head -c 1024 /dev/zero
exec tar -cf - "$@"`;
export const UNPACK = `set -e
cd "$1"
for path in * .[!.]*; do [ "$path" = lost+found ] || rm -rf "./$path"; done
tar -xpof -
sync`;
export const LIST = `list() {
  for path in "$1"/* "$1"/.[!.]*; do
    [ -e "$path" ] && [ "$path" != ./lost+found ] || continue
    stat -c '%a %F %n' "$path"
    if [ -d "$path" ]; then list "$path"; else sha256sum "$path"; fi
  done
}
cd "$1" && list .`;
