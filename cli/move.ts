/**
 * The claims of one pod of a store move to another node, storage class or size: new claims get a copy of the data, and
 * then take the names of the old ones. What is moved stands in a ConfigMap, and how far it is can be seen from the
 * claims, so that a move that was cut off is finished by running it again.
 */
import { sizeText } from './claims.ts';
import { until } from './clock.ts';
import { CopyPods } from './copy-pods.ts';
import { CliError } from './errors.ts';
import type { Kubectl } from './kubectl.ts';
import { forget, remember, type MovePlan } from './move-plan.ts';
import { step, type Line } from './steps.ts';
import {
  applyObject,
  claimsIn,
  deletePods,
  mountsIn,
  orphan,
  removalOf,
  shortName,
  volumesIn,
  withTemplates,
  type Claim,
  type Store,
} from './stores.ts';
import { waitForReady } from './wait.ts';

export class Move {
  private readonly kubectl: Kubectl;
  private plan: MovePlan;
  /** Seconds that pods may take to start. */
  private readonly seconds: number;
  private readonly pods: CopyPods;
  private stopped = false;

  constructor(kubectl: Kubectl, plan: MovePlan, seconds: number) {
    this.kubectl = kubectl;
    this.plan = plan;
    this.seconds = seconds;
    this.pods = new CopyPods(kubectl, plan, seconds);
  }

  /** Goes on from wherever it is to the end. */
  async run(): Promise<void> {
    try {
      const stage = await this.stage();
      if (stage === 'copy') {
        await step('New volumes', () => this.prepare());
        await step(`Stopping ${this.pod}`, () => this.stop());
        await step('Copying', (line) => this.copy(line));
      }
      if (stage !== 'start') await step('Swapping the claims', () => this.swap());
      await step(`Starting ${this.pod}`, () => this.start(this.plan.templates));
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      throw new CliError(
        error.message,
        `${this.pod} ${this.stopped ? 'is stopped' : 'runs as before'}. \`npm run move -- ${shortName(this.store.name)}\` goes on from here; \`--cancel\` goes back, as long as the claims are the old ones.`,
      );
    }
    await this.waitForStore();
  }

  /** Starts the store on its old claims again. */
  async cancel(): Promise<void> {
    if ((await this.stage()) !== 'copy') {
      throw new CliError(
        `There is no way back: the claim ${this.claimNames.join(' and ')} of before is gone. Its data is on the new volume.`,
        `Finish the move with \`npm run move -- ${shortName(this.store.name)}\`, then move it back if you like.`,
      );
    }
    await step('Giving the move up', async () => {
      await this.pods.remove();
      await this.start(this.plan.set.spec.volumeClaimTemplates);
    });
    await this.waitForStore();
  }

  /** What a move leaves behind for somebody to remove, with the line that does. */
  async leftovers(): Promise<string> {
    const [claims, volumes] = await Promise.all([this.claims(), volumesIn(this.kubectl)]);
    return this.plan.claims
      .flatMap(({ moving, from }) => {
        if (claims.has(moving)) {
          return `The claim ${moving} is left: \`${this.kubectl.command(`-n ${this.store.namespace} delete pvc ${moving}`)}\`.`;
        }
        const volume = volumes?.get(from);
        if (volume === undefined) return [];
        return `The old volume ${from} stays, with its data as it was; \`${removalOf(this.kubectl, volume)}\` gives it back.`;
      })
      .join('\n');
  }

  private get store(): Store {
    const { metadata } = this.plan.set;
    return { name: metadata.name, namespace: metadata.namespace, templates: this.plan.templates };
  }

  private get pod(): string {
    return `${this.store.name}-${this.plan.ordinal}`;
  }

  private get claimNames(): string[] {
    return this.plan.claims.map(({ name }) => name);
  }

  /**
   * How far it is: the data is to be copied as long as all claims are the old ones, and the store is to be started when
   * all of them are the new ones.
   */
  private async stage(): Promise<'copy' | 'swap' | 'start'> {
    const claims = await this.claims();
    const bound = this.plan.claims.map((claim) => ({
      ...claim,
      volume: claims.get(claim.name)?.spec.volumeName,
      there: claims.has(claim.name),
    }));
    if (bound.every(({ from, volume }) => volume === from)) return 'copy';
    for (const { name, from, to, volume, there } of bound) {
      if (volume !== from && (to === undefined || (there && volume !== to))) {
        throw new CliError(
          `The claim ${name} is ${there ? `bound to ${volume ?? 'no volume'}` : 'gone'}, which this move has not done: somebody else has. The data is on volume ${from}${to === undefined ? '' : ` and, copied, on ${to}`}.`,
          there && to !== undefined
            ? `If nothing on the claim is needed, \`${this.kubectl.command(`-n ${this.store.namespace} delete statefulset ${this.store.name} --cascade=orphan`)}\`, then delete the pod ${this.pod} and the claim ${name} by hand, and run the move again.`
            : `Make the claim ${name} again with \`volumeName: ${from}\`, and run the move again.`,
        );
      }
    }
    return bound.every(({ to, volume }) => volume === to) ? 'start' : 'swap';
  }

  private async claims(): Promise<ReadonlyMap<string, Claim>> {
    const list = await claimsIn(this.kubectl, this.store.namespace);
    return new Map(list.map((claim) => [claim.metadata.name, claim]));
  }

  /** Makes the new volumes while the store still serves: what can go wrong with them costs nothing yet. */
  private async prepare(): Promise<void> {
    await remember(this.kubectl, this.plan);
    await this.pods.remove();
    for (const claim of this.plan.claims) {
      await applyObject(this.kubectl, this.claim(claim.moving, claim));
    }
    await this.pods.start('to');
  }

  private async stop(): Promise<void> {
    this.stopped = true;
    await orphan(this.kubectl, this.store);
    await deletePods(this.kubectl, this.store.namespace, [this.pod]);
  }

  private async copy(line: Line): Promise<void> {
    await this.pods.start('from');
    let bytes = 0;
    for (const index of this.plan.claims.keys()) bytes += await this.pods.copy(index, line);
    await this.pods.remove();
    const [claims, volumes] = await Promise.all([this.claims(), volumesIn(this.kubectl)]);
    this.plan = {
      ...this.plan,
      claims: this.plan.claims.map((claim) => {
        const to = claims.get(claim.moving)?.spec.volumeName;
        const volume = volumes?.get(to ?? '');
        if (to === undefined || volume === undefined) throw new Error(`${claim.moving} has lost its volume`);
        return { ...claim, to, policy: claim.policy ?? volume.spec.persistentVolumeReclaimPolicy };
      }),
    };
    await remember(this.kubectl, this.plan);
    line.rename(`Copied ${sizeText(bytes)}, and all checksums are the same`);
  }

  /** Gives the names of the old claims to new ones around the new volumes. */
  private async swap(): Promise<void> {
    await this.stop();
    const { namespace } = this.store;
    const names = this.plan.claims.flatMap(({ name, moving }) => [name, moving]);
    const mount = (await mountsIn(this.kubectl, namespace)).find(({ claim }) => names.includes(claim));
    if (mount !== undefined) {
      throw new CliError(`The pod ${mount.pod} mounts ${mount.claim}.`, 'Stop it, then run the move again.');
    }
    // From here on, a claim that goes takes no data with it.
    for (const volume of this.plan.claims.flatMap(({ from, to }) => [from, to ?? []].flat())) {
      await this.patchVolume(volume, { persistentVolumeReclaimPolicy: 'Retain' });
    }
    const claims = await this.claims();
    const old = this.plan.claims.flatMap(({ name, from, moving }) => [
      ...(claims.get(name)?.spec.volumeName === from ? [name] : []),
      ...(claims.has(moving) ? [moving] : []),
    ]);
    if (old.length > 0) {
      await this.kubectl.run(['-n', namespace, 'delete', 'pvc', ...old, '--ignore-not-found']);
    }
    for (const claim of this.plan.claims) {
      if (claims.has(claim.name) && !old.includes(claim.name)) continue;
      // Kept for this claim, so that no other one that waits for a volume gets it.
      await this.patchVolume(claim.to, {
        claimRef: {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          namespace,
          name: claim.name,
          uid: null,
          resourceVersion: null,
        },
      });
      await applyObject(this.kubectl, this.claim(claim.name, claim, claim.to));
    }
    await until(this.seconds, `${this.claimNames.join(' and ')} is not bound to the new volume`, async () => {
      const now = await this.claims();
      return this.claimNames.every((name) => now.get(name)?.status.phase === 'Bound');
    });
  }

  /** From here on, the StatefulSet has what it needs, and anybody may apply it. */
  private async start(templates: MovePlan['templates']): Promise<void> {
    await applyObject(this.kubectl, withTemplates(this.plan.set, templates));
    for (const { to, policy } of this.plan.claims) {
      if (policy !== undefined) await this.patchVolume(to, { persistentVolumeReclaimPolicy: policy });
    }
    await forget(this.kubectl, this.plan);
  }

  private waitForStore(): Promise<void> {
    const { name, namespace } = this.store;
    return waitForReady(this.kubectl, [{ kind: 'StatefulSet', metadata: { name, namespace } }], {
      seconds: this.seconds,
    });
  }

  private claim(
    name: string,
    { size, storageClass, accessModes }: MovePlan['claims'][number],
    volume?: string,
  ) {
    return {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name, namespace: this.store.namespace, labels: this.plan.set.spec.selector.matchLabels },
      spec: {
        accessModes,
        storageClassName: storageClass,
        resources: { requests: { storage: size } },
        ...(volume === undefined ? {} : { volumeName: volume }),
      },
    };
  }

  private async patchVolume(name: string | undefined, spec: object): Promise<void> {
    if (name === undefined) throw new Error('a volume to move to has not been written down');
    await this.kubectl.run(['patch', 'pv', name, '--type=merge', '-p', JSON.stringify({ spec })]);
  }
}
