/** What a move is about, worked out and checked before anything is touched, and kept in a ConfigMap until it is over. */
import { z } from 'zod';
import { CliError } from './errors.ts';
import type { Kubectl } from './kubectl.ts';
import {
  applyObject,
  bytesOf,
  claimsIn,
  claimTemplateSchema,
  HOST_NAME,
  hostOf,
  liveSet,
  shortName,
  statefulSetSchema,
  storageClassesIn,
  volumesIn,
  type ClaimTemplate,
  type StatefulSet,
  type StorageClass,
  type Store,
  type Volume,
} from './stores.ts';

/** Label of the ConfigMaps of moves that are under way. */
const MOVE_LABEL = 'zakpos.io/move';
/** Annotation of the StorageClass of claims that name none. */
const DEFAULT_CLASS = 'storageclass.kubernetes.io/is-default-class';

const movingClaim = z.object({
  name: z.string(),
  /** The claim that the data is copied into; it is gone in the end. */
  moving: z.string(),
  /** Volume that holds the data. */
  from: z.string(),
  /** Volume that holds the same data, once that is so. */
  to: z.string().optional(),
  /** What becomes of the new volume when its claim is deleted, by its storage class. */
  policy: z.string().optional(),
  size: z.string(),
  storageClass: z.string(),
  accessModes: z.array(z.string()),
});

const planSchema = z.object({
  /** The StatefulSet as it was. */
  set: statefulSetSchema,
  /** Templates of its claims afterwards. */
  templates: z.array(claimTemplateSchema),
  ordinal: z.int(),
  /** Node that the new volumes are made for. */
  node: z.string(),
  /** That node's value of the label by which a pod is put there. */
  host: z.string(),
  claims: z.array(movingClaim),
});
/** All that a move is about; it is the same however often the command is run. */
export type MovePlan = z.output<typeof planSchema>;

/** Where to move what. */
export interface MoveTarget {
  /** @default - the node where the pod is */
  readonly toNode?: string;
  /** @default - the class of the configuration */
  readonly storageClass?: string;
  /** Ordinal of the pod. @default - the only one */
  readonly pod?: number;
}

const configMapSchema = z.object({ data: z.object({ plan: z.string() }) });
const configMapName = (store: string): string => `${store}-move`;

/** The move of a store that is under way. */
export async function planUnderWay(
  kubectl: Kubectl,
  { name, namespace }: Store,
  target: MoveTarget,
): Promise<MovePlan | undefined> {
  const found = await kubectl.json(configMapSchema, [
    ...['-n', namespace, 'get', 'configmap', configMapName(name), '--ignore-not-found'],
  ]);
  if (found === undefined) return undefined;
  const plan = planSchema.parse(JSON.parse(found.data.plan));
  const { toNode = plan.node, storageClass, pod = plan.ordinal } = target;
  const sameClass =
    storageClass === undefined || plan.claims.every((claim) => claim.storageClass === storageClass);
  if (toNode !== plan.node || pod !== plan.ordinal || !sameClass) {
    throw new CliError(
      `Another move of this store is under way: ${describeTarget(plan)}.`,
      `\`npm run move -- ${shortName(name)}\` goes on with it, \`--cancel\` gives it up.`,
    );
  }
  return plan;
}

/**
 * Refuses to touch StatefulSets of which one is away for a move: one that is applied now would start on a claim whose
 * data is being copied, or make an empty one.
 * @throws {CliError} when a move is under way
 */
export async function refuseDuringMove(kubectl: Kubectl, namespace: string): Promise<void> {
  const names = await kubectl.run(['-n', namespace, 'get', 'configmaps', '-l', MOVE_LABEL, '-o', 'name']);
  const [store] = /[^/\s]+(?=-move)/.exec(names) ?? [];
  if (store === undefined) return;
  throw new CliError(
    `A move of ${store} is under way; nothing was applied.`,
    `Finish it with \`npm run move -- ${shortName(store)}\`, or give it up with \`--cancel\`.`,
  );
}

/**
 * What it takes to move a pod's claims there.
 * @throws {CliError} when it can't be, before anything is touched
 */
export async function planMove(kubectl: Kubectl, store: Store, target: MoveTarget): Promise<MovePlan> {
  const set = await liveSet(kubectl, store);
  const names = (list: Store['templates']): string => list.map(({ metadata }) => metadata.name).join(', ');
  if (names(store.templates) !== names(set.spec.volumeClaimTemplates)) {
    throw new CliError(
      `${store.name} has the claims ${names(set.spec.volumeClaimTemplates)} in the cluster and ${names(store.templates)} in the configuration.`,
      'Bring that in line first: `npm run up` says how.',
    );
  }
  const ordinal = ordinalFor(store.name, set.spec.replicas, target);
  const [pods, nodes, volumes, classes, claims] = await Promise.all([
    podsOf(kubectl, store),
    nodesIn(kubectl),
    volumesIn(kubectl),
    storageClassesIn(kubectl),
    claimsIn(kubectl, store.namespace),
  ]);
  const pod = pods.find(({ name }) => name === `${store.name}-${ordinal}`);
  const others = pods.filter((each) => each !== pod);
  requireOthers(set, others);
  const node = target.toNode ?? pod?.node;
  const host = nodes.get(node ?? '');
  if (node === undefined || host === undefined) {
    throw new CliError(
      node === undefined
        ? `${store.name}-${ordinal} is on no node now, and none was named.`
        : `There is no node "${node}" that is ready.`,
      `Name one with --to-node; ready are: ${[...nodes.keys()].join(', ')}.`,
    );
  }
  const neighbour = others.find((each) => each.node === node);
  if (neighbour !== undefined && mustBeApart(set.spec.template)) {
    throw new CliError(
      `${neighbour.name} is on ${node}, and pods of ${store.name} must be on different nodes (\`spread: strict\`).`,
      'Name another node, or move that one away first.',
    );
  }
  if (volumes === undefined) {
    throw new CliError(
      'Your user may not see PersistentVolumes, which a move has to change.',
      'Use a context whose user may.',
    );
  }

  const stamp = new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14);
  let isMoved = pod?.node !== node;
  const moving = store.templates.map((template) => {
    const name = `${template.metadata.name}-${store.name}-${ordinal}`;
    const claim = claims.find(({ metadata }) => metadata.name === name);
    const volume = volumes.get(claim?.spec.volumeName ?? '');
    if (claim === undefined || volume === undefined) {
      throw new CliError(`The claim ${name} has no volume.`, 'There is nothing to move: `npm run up`.');
    }
    requireReadable(name, volume, [...nodes.values()]);
    const storageClass = classFor(name, template, target, classes);
    const size = template.spec.resources.requests.storage;
    isMoved ||= claim.spec.storageClassName !== storageClass;
    isMoved ||= bytesOf(claim.spec.resources.requests.storage) !== bytesOf(size);
    return {
      name,
      moving: `${name}-moving-${stamp}`,
      from: volume.metadata.name,
      size,
      storageClass,
      accessModes: template.spec.accessModes,
    };
  });
  if (!isMoved) {
    throw new CliError(
      `${store.name}-${ordinal} is on ${node} already, with its claims in the size and class of the configuration.`,
      'Name another node with --to-node, or another size or class in the configuration.',
    );
  }
  return { set, templates: [...store.templates], ordinal, node, host, claims: moving };
}

/** Which pod is meant, by its number. */
function ordinalFor(store: string, replicas: number, { pod }: MoveTarget): number {
  const ordinal = pod ?? (replicas === 1 ? 0 : undefined);
  if (ordinal !== undefined && ordinal < replicas) return ordinal;
  throw new CliError(
    `${store} has ${replicas} pods, of which ${ordinal === undefined ? 'none was named' : `none is number ${ordinal}`}.`,
    `Move one at a time: \`--pod 0\` up to \`--pod ${replicas - 1}\`.`,
  );
}

/** The other pods of a store have to serve while one is away. */
function requireOthers({ metadata, spec }: StatefulSet, others: readonly StorePod[]): void {
  const missing = spec.replicas - 1 - others.filter(({ ready }) => ready).length;
  if (missing <= 0) return;
  throw new CliError(
    `${missing} of the other pods of ${metadata.name} ${missing === 1 ? 'is' : 'are'} not ready, so that none can be spared.`,
    '`npm run status` tells why; move it when they are.',
  );
}

function requireReadable(claim: string, volume: Volume, hosts: readonly string[]): void {
  const host = hostOf(volume);
  if (host === undefined || hosts.includes(host)) return;
  throw new CliError(
    `The volume of ${claim} is on ${host}, which is not there or not ready: nobody can read it.`,
    'Bring the node back; if it is lost, restore from a backup: `npm run restore`.',
  );
}

/** The class of a new claim: that of the configuration, which is also where the next one would come from. */
function classFor(
  claim: string,
  template: ClaimTemplate,
  target: MoveTarget,
  classes: ReadonlyMap<string, StorageClass>,
): string {
  const byDefault = [...classes.values()].find(
    ({ metadata }) => metadata.annotations[DEFAULT_CLASS] === 'true',
  );
  const storageClass = template.spec.storageClassName ?? byDefault?.metadata.name;
  if (target.storageClass !== undefined && target.storageClass !== storageClass) {
    throw new CliError(
      `The configuration has storageClass ${storageClass ?? 'nothing'} for ${claim}, not ${target.storageClass}.`,
      `Write \`storageClass: ${target.storageClass}\` there first: the next claim is made by it, too.`,
    );
  }
  if (storageClass !== undefined && classes.has(storageClass)) return storageClass;
  throw new CliError(
    `There is no StorageClass ${storageClass ?? 'by default'} for ${claim}.`,
    `There are: ${[...classes.keys()].join(', ') || 'none'}; name one as storage.storageClass of this component.`,
  );
}

/** Writes down what is moved, and how far it has been copied. */
export async function remember(kubectl: Kubectl, plan: MovePlan): Promise<void> {
  const { name, namespace } = plan.set.metadata;
  await applyObject(kubectl, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: configMapName(name), namespace, labels: { [MOVE_LABEL]: shortName(name) } },
    data: { plan: JSON.stringify(plan) },
  });
}

/** The move is over. */
export async function forget(kubectl: Kubectl, { set: { metadata } }: MovePlan): Promise<void> {
  const { name, namespace } = metadata;
  await kubectl.run(['-n', namespace, 'delete', 'configmap', configMapName(name), '--ignore-not-found']);
}

/** What a move will do, before it is asked for. */
export function describePlan({ set, ordinal, node, claims }: MovePlan): string {
  const { name } = set.metadata;
  const { replicas } = set.spec;
  return [
    `${name}-${ordinal} moves its data:`,
    ...claims.map(
      (claim) =>
        `  ${claim.name}: from volume ${claim.from} into a new one of ${claim.size} and class ${claim.storageClass} on ${node}`,
    ),
    replicas === 1
      ? `${name} is stopped while its data is copied.`
      : `${name}-${ordinal} is stopped while its data is copied, the other pods go on.`,
    'The claim is then deleted and made again around the new volume. The old volume stays, with its data.',
  ].join('\n');
}

const describeTarget = ({ set, ordinal, node, claims }: MovePlan): string =>
  `${set.metadata.name}-${ordinal} to ${node}, class ${claims.map((claim) => claim.storageClass).join(', ')}`;

const apartSchema = z.object({
  spec: z.object({
    affinity: z.object({
      podAntiAffinity: z.object({
        requiredDuringSchedulingIgnoredDuringExecution: z.array(z.unknown()).min(1),
      }),
    }),
  }),
});
/** Whether two pods of a StatefulSet may never be on one node. */
const mustBeApart = (template: object): boolean => apartSchema.safeParse(template).success;

const storePods = z.object({
  items: z.array(
    z.object({
      metadata: z.object({
        name: z.string(),
        ownerReferences: z.array(z.object({ kind: z.string(), name: z.string() })).default([]),
      }),
      spec: z.object({ nodeName: z.string().optional() }),
      status: z.object({
        conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
      }),
    }),
  ),
});
const nodeList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), labels: z.record(z.string(), z.string()) }),
      status: z.object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })) }),
    }),
  ),
});
const isReady = ({ conditions }: { conditions: readonly { type: string; status: string }[] }): boolean =>
  conditions.some(({ type, status }) => type === 'Ready' && status === 'True');

interface StorePod {
  readonly name: string;
  /** @default - it has none yet */
  readonly node?: string;
  readonly ready: boolean;
}

/** The pods of a store, and whether they serve. */
async function podsOf(kubectl: Kubectl, { name, namespace }: Store): Promise<StorePod[]> {
  const list = await kubectl.json(storePods, ['-n', namespace, 'get', 'pods']);
  return (list?.items ?? [])
    .filter(({ metadata }) =>
      metadata.ownerReferences.some((owner) => owner.kind === 'StatefulSet' && owner.name === name),
    )
    .map(({ metadata, spec, status }) => ({
      name: metadata.name,
      ...(spec.nodeName === undefined ? {} : { node: spec.nodeName }),
      ready: isReady(status),
    }));
}

/** Nodes that are ready, with the name by which a pod is put on one. */
async function nodesIn(kubectl: Kubectl): Promise<ReadonlyMap<string, string>> {
  const list = await kubectl.json(nodeList, ['get', 'nodes']);
  return new Map(
    (list?.items ?? [])
      .filter(({ status }) => isReady(status))
      .map(({ metadata }) => [metadata.name, metadata.labels[HOST_NAME] ?? metadata.name]),
  );
}
