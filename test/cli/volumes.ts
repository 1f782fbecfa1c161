/** A cluster in memory with one store: its StatefulSet and pods, their claims, and the volumes with what is on them. */
import { z } from 'zod';
import { claimTemplateSchema, statefulSetSchema, type ClaimTemplate, type Store } from '../../cli/stores.ts';
import { defined } from '../manifests.ts';
import { FakeKubectl, type Answer } from './fakes.ts';
import type { CutOff } from './world.ts';

interface FakeVolume {
  readonly node: string;
  readonly storageClass: string;
  readonly size: string;
  policy: string;
  /** Claim that it is for, and whether it is that very one. */
  claimRef: { readonly name: string; readonly uid: number | undefined };
  /** What is on it: a sale a line. */
  content: string[];
}
interface FakeClaim {
  readonly uid: number;
  readonly storageClass: string;
  size: string;
  /** What the file system has of it. */
  capacity: string;
  volume: string | undefined;
  bound: boolean;
}
interface FakePod {
  readonly uid: number;
  readonly node: string;
  readonly claims: readonly string[];
  readonly ofStore: boolean;
}

const applied = z.looseObject({ kind: z.string(), metadata: z.looseObject({ name: z.string() }) });
const appliedClaim = z.object({
  metadata: z.object({ name: z.string(), labels: z.record(z.string(), z.string()) }),
  spec: z.strictObject({
    accessModes: z.tuple([z.literal('ReadWriteOnce')]),
    storageClassName: z.string(),
    resources: z.strictObject({ requests: z.strictObject({ storage: z.string() }) }),
    volumeName: z.string().optional(),
  }),
});
const appliedPod = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    nodeSelector: z.object({ 'kubernetes.io/hostname': z.string() }).optional(),
    tolerations: z.array(z.object({ key: z.string() })),
    containers: z.tuple([
      z.object({
        volumeMounts: z.array(z.object({ readOnly: z.boolean(), mountPath: z.string() })),
        // As the quota has room for them.
        resources: z.object({
          requests: z.object({ cpu: z.literal('50m'), memory: z.literal('64Mi') }),
          limits: z.object({ memory: z.literal('256Mi') }),
        }),
      }),
    ]),
    volumes: z.array(z.object({ persistentVolumeClaim: z.object({ claimName: z.string() }) })),
  }),
});
const patchSchema = z.object({
  spec: z.object({
    persistentVolumeReclaimPolicy: z.string().optional(),
    claimRef: z.object({ name: z.string(), uid: z.null() }).optional(),
    resources: z.object({ requests: z.object({ storage: z.string() }) }).optional(),
  }),
});

export interface VolumesProps {
  /** @default zakpos-postgres */
  readonly name?: string;
  /** @default 1 */
  readonly replicas?: number;
  /** Names of the claims of each pod. @default data */
  readonly templates?: readonly string[];
  /** Whether pods must be on different nodes. @default false */
  readonly apart?: boolean;
  /** Nodes that are not ready. @default none */
  readonly broken?: readonly string[];
}

/** A template of claims. */
export const template = (name: string, size = '2Gi', storageClassName?: string): ClaimTemplate =>
  claimTemplateSchema.parse({
    metadata: { name },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: size } },
      ...(storageClassName === undefined ? {} : { storageClassName }),
    },
  });

export class Volumes {
  readonly kubectl: FakeKubectl;
  readonly store: Store;
  /** Pods whose claims have a volume, by name. */
  readonly pods = new Map<string, FakePod>();
  readonly claims = new Map<string, FakeClaim>();
  readonly volumes = new Map<string, FakeVolume>();
  /** What must never be: data that is gone, a store that writes while it is copied. */
  readonly outages: string[] = [];
  /** Sales that each pod of the store has taken. */
  readonly sales = new Map<string, string[]>();
  /** Whether volumes grow when a claim asks for more. */
  grows = true;
  /** Why the next copy breaks off. */
  breaks: string | undefined;
  set: z.output<typeof statefulSetSchema> | undefined;
  plan: string | undefined;
  readonly original: z.output<typeof statefulSetSchema>;

  private readonly broken: readonly string[];
  private readonly classes = new Map([
    ['standard', false],
    ['fast', true],
  ]);
  private uids = 0;
  private calls = 0;
  private cut: CutOff | undefined;

  constructor({
    name = 'zakpos-postgres',
    replicas = 1,
    templates = ['data'],
    apart = false,
    broken = [],
  }: VolumesProps = {}) {
    const labels = { 'app.kubernetes.io/name': name };
    this.broken = broken;
    this.original = statefulSetSchema.parse({
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name, namespace: 'zakpos', labels, uid: 'old', resourceVersion: '7' },
      spec: {
        replicas,
        selector: { matchLabels: labels },
        serviceName: `${name}-headless`,
        template: {
          metadata: { labels },
          spec: {
            ...(apart
              ? { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{}] } } }
              : {}),
            securityContext: { runAsNonRoot: true, runAsUser: 70, fsGroup: 70 },
            containers: [
              { name: 'store', image: 'store:1', securityContext: { capabilities: { drop: ['ALL'] } } },
            ],
          },
        },
        volumeClaimTemplates: templates.map((each) => template(each)),
      },
      status: { readyReplicas: replicas },
    });
    this.set = this.original;
    this.store = { name, namespace: 'zakpos', templates: templates.map((each) => template(each)) };
    this.kubectl = new FakeKubectl((args, input) => this.answer(args, input));
    this.settle();
  }

  /** From now on, a call is the last one. */
  cutOff(cut: CutOff): void {
    this.cut = cut;
    this.calls = 0;
  }

  /** Calls since the last cut, or the start. */
  get count(): number {
    return this.calls;
  }

  /** Somebody applies the manifests by hand. */
  applyByHand(): void {
    this.set = {
      ...this.original,
      spec: { ...this.original.spec, volumeClaimTemplates: [...this.store.templates] },
    };
    this.settle();
  }

  /** The volume of a claim. */
  volumeOf(claim: string): FakeVolume {
    return defined(this.volumes.get(this.claims.get(claim)?.volume ?? ''), `volume of ${claim}`);
  }

  private answer(args: readonly string[], input: string | undefined): Answer {
    this.calls += 1;
    const isLast = this.calls === this.cut?.call;
    if (isLast && this.cut?.when === 'before') throw new Error('cut off');
    const answer = this.execute(args, input ?? '');
    this.settle();
    if (isLast) throw new Error('cut off');
    return answer;
  }

  private execute(args: readonly string[], input: string): Answer {
    const text = args.join(' ').replace('-n zakpos ', '');
    const list = (items: readonly unknown[]): Answer => ({ stdout: JSON.stringify({ items }) });
    const { name } = this.store;
    switch (text) {
      case `get configmap ${name}-move --ignore-not-found -o json`:
        return this.plan === undefined ? {} : { stdout: JSON.stringify({ data: { plan: this.plan } }) };
      case 'get configmaps -l zakpos.io/move -o name':
        return { stdout: this.plan === undefined ? '' : `configmap/${name}-move\n` };
      case `delete configmap ${name}-move --ignore-not-found`:
        this.plan = undefined;
        return {};
      case `get statefulset ${name} --ignore-not-found -o json`:
        return this.set === undefined ? {} : { stdout: JSON.stringify(this.set) };
      case `delete statefulset ${name} --cascade=orphan --ignore-not-found`:
        this.set = undefined;
        return {};
      case 'get persistentvolumeclaims -o json':
        return list([...this.claims.keys()].map((claim) => this.claim(claim)));
      case 'get persistentvolumes -o json':
        return list([...this.volumes].map(([volume, each]) => this.volume(volume, each)));
      case 'get storageclasses -o json':
        return list(
          [...this.classes].map(([storageClass, allowVolumeExpansion]) => ({
            metadata: {
              name: storageClass,
              annotations: {
                'storageclass.kubernetes.io/is-default-class': String(storageClass === 'standard'),
              },
            },
            provisioner: storageClass === 'standard' ? 'rancher.io/local-path' : 'fast.csi.example.com',
            allowVolumeExpansion,
          })),
        );
      case 'get nodes -o json':
        return list(
          ['a', 'b', 'c', 'd'].map((node) => ({
            metadata: { name: `node-${node}`, labels: { 'kubernetes.io/hostname': node } },
            status: {
              conditions: [{ type: 'Ready', status: this.broken.includes(node) ? 'Unknown' : 'True' }],
            },
          })),
        );
      case 'get pods -o json':
        return list([...this.pods.keys()].map((pod) => this.pod(pod)));
      case 'get deployments,statefulsets,daemonsets,jobs,replicasets,pods -o json':
        return list([
          ...(this.set === undefined ? [] : [this.progress(this.set)]),
          ...[...this.pods.keys()].map((pod) => this.pod(pod)),
        ]);
      case 'apply --server-side --force-conflicts --validate=false -f -':
        this.apply(JSON.parse(input));
        return {};
    }
    const [, kind, names] = /^delete (pods|pvc) (.+) --ignore-not-found$/.exec(text) ?? [];
    if (kind === 'pods') for (const pod of defined(names, 'names').split(' ')) this.pods.delete(pod);
    else if (kind === 'pvc') for (const claim of defined(names, 'names').split(' ')) this.deleteClaim(claim);
    if (kind !== undefined) return {};
    const [, what, patched, json] = /^patch (pv|pvc) (\S+) --type=merge -p (.*)$/.exec(text) ?? [];
    if (what !== undefined && patched !== undefined && json !== undefined) {
      this.patch(what, patched, patchSchema.parse(JSON.parse(json)).spec);
      return {};
    }
    if (text.includes(' | ')) return this.copy(text);
    const [, pod, path] = /^exec (\S+) -- sh -c list\(\) \{[\s\S]* sh (\/\S+)$/.exec(text) ?? [];
    if (pod !== undefined && path !== undefined)
      return { stdout: this.mounted(pod, path).content.join('\n') };
    throw new Error(`nobody knows how to ${text}`);
  }

  private apply(object: unknown): void {
    const { kind, metadata } = applied.parse(object);
    const { name } = metadata;
    if (kind === 'ConfigMap') {
      this.plan = z.object({ data: z.object({ plan: z.string() }) }).parse(object).data.plan;
    } else if (kind === 'StatefulSet') {
      if ('uid' in metadata || 'resourceVersion' in metadata) throw new Error('it would be refused');
      this.set = statefulSetSchema.parse(object);
    } else if (kind === 'PersistentVolumeClaim') {
      const { spec } = appliedClaim.parse(object);
      if (this.claims.has(name)) return;
      this.makeClaim(name, spec.resources.requests.storage, spec.storageClassName, spec.volumeName);
    } else if (kind === 'Pod') {
      const { spec } = appliedPod.parse(object);
      const claims = spec.volumes.map(({ persistentVolumeClaim }) => persistentVolumeClaim.claimName);
      const [{ volumeMounts }] = spec.containers;
      const readsOnly = volumeMounts.every(({ readOnly }) => readOnly);
      if (claims.some((claim) => !this.claims.has(claim))) throw new Error('the pod would wait for ever');
      if (claims.some((claim) => this.claims.get(claim)?.bound === true) && !readsOnly)
        this.expectCopyOnly(claims);
      const node =
        spec.nodeSelector?.['kubernetes.io/hostname'] ?? this.volumeOf(defined(claims[0], 'claim')).node;
      this.pods.set(name, { uid: (this.uids += 1), node, claims, ofStore: false });
    } else throw new Error(`nobody knows how to apply a ${kind}`);
  }

  /** What is written to is no claim of the store itself. */
  private expectCopyOnly(claims: readonly string[]): void {
    for (const claim of claims)
      if (!claim.includes('-moving-')) this.outages.push(`${claim} could be written to by what copies it`);
  }

  private makeClaim(name: string, size: string, storageClass: string, volume?: string): void {
    this.claims.set(name, {
      uid: (this.uids += 1),
      size,
      capacity: size,
      storageClass,
      volume,
      bound: false,
    });
  }

  private deleteClaim(name: string): void {
    const claim = this.claims.get(name);
    if (claim === undefined) return;
    const mounting = [...this.pods].find(([, pod]) => pod.claims.includes(name));
    if (mounting !== undefined)
      throw new Error(`${name} is mounted by ${mounting[0]}: its deletion would hang`);
    this.claims.delete(name);
    const volume = this.volumes.get(claim.volume ?? '');
    if (claim.volume === undefined || volume?.policy !== 'Delete') return;
    if (volume.content.length > 0) this.outages.push(`${claim.volume} is gone with its data`);
    this.volumes.delete(claim.volume);
  }

  private patch(what: string, name: string, spec: z.output<typeof patchSchema>['spec']): void {
    if (what === 'pvc') {
      const claim = defined(this.claims.get(name), `claim ${name}`);
      claim.size = defined(spec.resources, 'size').requests.storage;
      if (this.grows) claim.capacity = claim.size;
      return;
    }
    const volume = defined(this.volumes.get(name), `volume ${name}`);
    volume.policy = spec.persistentVolumeReclaimPolicy ?? volume.policy;
    if (spec.claimRef === undefined) return;
    const { name: owner, uid } = volume.claimRef;
    if (uid !== undefined && this.claims.get(owner)?.uid === uid)
      this.outages.push(`${name} was taken from ${owner}`);
    volume.claimRef = { name: spec.claimRef.name, uid: undefined };
  }

  private copy(text: string): Answer {
    const [from, to] = text.split(' | ').map((half) => / exec |^exec /.exec(half) && half);
    const place = (half: string | null | undefined): FakeVolume => {
      const [, pod = '', path = ''] = /exec (?:-i )?(\S+) -- [\s\S]* sh (\/\S+)$/.exec(half ?? '') ?? [];
      return this.mounted(pod, path);
    };
    const [source, target] = [place(from), place(to)];
    const writer = [...this.pods].find(
      ([, { ofStore, claims }]) => ofStore && claims.some((claim) => this.volumeOf(claim) === source),
    );
    if (writer !== undefined) this.outages.push(`${writer[0]} writes while it is copied`);
    target.content = this.breaks === undefined ? [...source.content] : source.content.slice(0, 1);
    const stderr = this.breaks ?? '';
    this.breaks = undefined;
    return { ok: stderr === '', stderr };
  }

  private mounted(pod: string, path: string): FakeVolume {
    const [, index] = /^\/(?:from|to)\/(\d+)$/.exec(path) ?? [];
    return this.volumeOf(defined(this.pods.get(pod)?.claims[Number(index)], `${path} of ${pod}`));
  }

  /** What the controllers do until there is nothing left to do. */
  private settle(): void {
    const { set } = this;
    for (let ordinal = 0; set !== undefined && ordinal < set.spec.replicas; ordinal += 1) {
      const name = `${this.store.name}-${ordinal}`;
      if (this.pods.has(name)) continue;
      const claims = set.spec.volumeClaimTemplates.map((each) => `${each.metadata.name}-${name}`);
      for (const [index, claim] of claims.entries()) {
        const { storageClassName = 'standard', resources } = defined(
          set.spec.volumeClaimTemplates[index],
          '',
        ).spec;
        if (!this.claims.has(claim)) this.makeClaim(claim, resources.requests.storage, storageClassName);
      }
      const known = this.volumes.get(this.claims.get(claims[0] ?? '')?.volume ?? '');
      const node = known?.node ?? defined(['a', 'b', 'c'][ordinal], 'node');
      this.pods.set(name, { uid: (this.uids += 1), node, claims, ofStore: true });
      this.bind();
      const taken = this.sales.get(name) ?? [];
      for (const claim of claims) {
        if (this.volumeOf(claim).content.join() !== taken.join())
          this.outages.push(`${name} starts without its data on ${claim}`);
      }
    }
    this.bind();
    for (const [name, { claims, ofStore }] of this.pods) {
      if (!ofStore) continue;
      const sale = `sale ${(this.uids += 1)}`;
      this.sales.set(name, [...(this.sales.get(name) ?? []), sale]);
      for (const claim of claims) this.volumeOf(claim).content.push(sale);
    }
  }

  private bind(): void {
    for (const [name, claim] of this.claims) {
      if (claim.bound) continue;
      if (claim.volume !== undefined) {
        const volume = this.volumes.get(claim.volume);
        if (volume?.claimRef.name !== name || volume.claimRef.uid !== undefined) continue;
        volume.claimRef = { name, uid: claim.uid };
        claim.bound = true;
        continue;
      }
      const consumer = [...this.pods.values()].find(({ claims }) => claims.includes(name));
      if (consumer === undefined) continue;
      claim.volume = `pv-${(this.uids += 1)}`;
      claim.bound = true;
      this.volumes.set(claim.volume, {
        node: consumer.node,
        storageClass: claim.storageClass,
        size: claim.size,
        policy: 'Delete',
        claimRef: { name, uid: claim.uid },
        content: [],
      });
    }
  }

  private claim(name: string): object {
    const claim = defined(this.claims.get(name), name);
    return {
      kind: 'PersistentVolumeClaim',
      metadata: { name, namespace: 'zakpos', creationTimestamp: '2026-01-01T00:00:00Z' },
      spec: {
        storageClassName: claim.storageClass,
        ...(claim.volume === undefined ? {} : { volumeName: claim.volume }),
        resources: { requests: { storage: claim.size } },
      },
      status: {
        phase: claim.bound ? 'Bound' : 'Pending',
        capacity: { storage: claim.capacity },
        ...(claim.capacity === claim.size
          ? {}
          : { conditions: [{ type: 'Resizing', status: 'True', message: 'the disk is asked for' }] }),
      },
    };
  }

  private volume(name: string, { node, size, storageClass, policy, claimRef }: FakeVolume): object {
    const isBound = this.claims.get(claimRef.name)?.uid === claimRef.uid;
    return {
      metadata: { name, annotations: { 'pv.kubernetes.io/provisioned-by': 'rancher.io/local-path' } },
      spec: {
        capacity: { storage: size },
        storageClassName: storageClass,
        persistentVolumeReclaimPolicy: policy,
        claimRef: { namespace: 'zakpos', name: claimRef.name },
        nodeAffinity: {
          required: {
            nodeSelectorTerms: [
              { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] },
            ],
          },
        },
      },
      status: { phase: isBound ? 'Bound' : claimRef.uid === undefined ? 'Available' : 'Released' },
    };
  }

  private pod(name: string): object {
    const { node, claims, ofStore } = defined(this.pods.get(name), name);
    return {
      kind: 'Pod',
      metadata: {
        name,
        namespace: 'zakpos',
        creationTimestamp: '2026-01-01T00:00:00Z',
        ownerReferences: ofStore ? [{ kind: 'StatefulSet', name: this.store.name }] : [],
      },
      spec: {
        nodeName: `node-${node}`,
        containers: [],
        volumes: [{}, ...claims.map((claimName) => ({ persistentVolumeClaim: { claimName } }))],
      },
      status: {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: this.broken.includes(node) ? 'False' : 'True' }],
      },
    };
  }

  private progress({ metadata, spec: { replicas } }: z.output<typeof statefulSetSchema>): object {
    const { name, namespace } = metadata;
    const status = { observedGeneration: 1, replicas, updatedReplicas: replicas, readyReplicas: replicas };
    return { kind: 'StatefulSet', metadata: { name, namespace, generation: 1 }, spec: { replicas }, status };
  }
}
