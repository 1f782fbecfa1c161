/**
 * Whether every part reaches what it should and nothing else: tried out from the pods that there are, by connections
 * that are opened and closed. A refusal counts only where the same port of the same pod answers somebody in the same
 * run.
 */
import { z } from 'zod';
import { architecture, type Architecture } from '../../charts/architecture.ts';
import { PORTS, ZOOKEEPER } from '../../charts/names.ts';
import { CliError } from '../errors.ts';
import type { Kubectl } from '../kubectl.ts';
import { count, judge, putBack, type Check, type Finding } from './check.ts';

/** Seconds after which nobody answers any more. */
const PATIENCE_SECONDS = 3;
/** Connections that one pod tries at a time, and pods that try at a time. */
const AT_A_TIME = 16;
const PODS_AT_A_TIME = 6;

const podList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({
        name: z.string(),
        namespace: z.string(),
        labels: z.record(z.string(), z.string()).default({}),
        deletionTimestamp: z.string().optional(),
      }),
      status: z.object({
        podIP: z.string().optional(),
        hostIP: z.string().optional(),
        conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
      }),
    }),
  ),
});
const clusterIp = z.object({ spec: z.object({ clusterIP: z.string() }) });
const endpointSlices = z.object({
  items: z.array(z.object({ endpoints: z.array(z.object({ addresses: z.array(z.string()) })).nullish() })),
});

/** A pod, or the Kubernetes API, which no pod is. */
interface Place {
  readonly component: string;
  readonly namespace: string;
  readonly pod: string;
  readonly ip: string;
  /** Address of its node. */
  readonly node: string;
  /** Addresses of nodes that answer for it, as those of the Kubernetes API do. */
  readonly nodes: readonly string[];
}

/** A connection to be tried. */
export interface Try {
  readonly from: Place;
  readonly to: Place;
  readonly port: number;
  readonly allowed: boolean;
}

export const connections: Check = {
  title: 'Everybody reaches whom it should, and nobody else',
  run: async (context, line) => {
    const { kubectl, config } = context;
    const map = architecture(config);
    const tries = triesOf(map, await placesOf(kubectl, map));
    const sources = [...grouped(tries, ({ from }) => from.pod).values()];
    const results: { readonly tried: Try; readonly answered: boolean }[] = [];
    const mute: string[] = [];
    const next = async (): Promise<void> => {
      for (let own = sources.shift(); own !== undefined; own = sources.shift()) {
        line.note(`trying ${count(own.length, 'connection')} from ${own[0]?.from.pod ?? ''}`);
        const answered = await tryAll(kubectl, own);
        if (answered === undefined) mute.push(own[0]?.from.component ?? '');
        else results.push(...own.map((tried, i) => ({ tried, answered: answered.has(i) })));
      }
    };
    await Promise.all(Array.from({ length: PODS_AT_A_TIME }, next));

    const allowed = grouped(
      results.filter(({ tried }) => tried.allowed),
      ({ tried }) => edgeOf(tried),
    );
    const answers = new Set(
      [...allowed.values()].flat().flatMap(({ tried, answered }) => (answered ? [endOf(tried)] : [])),
    );
    const denied = results.filter(({ tried }) => !tried.allowed && answers.has(endOf(tried)));
    const silent = [...allowed.values()].flatMap((all) => {
      const failed = all.filter(({ answered }) => !answered).map(({ tried }) => tried);
      const [first] = failed;
      if (first === undefined || (failed.length < all.length && isLeaderAlone(first))) return [];
      return [{ first, ends: failed.length < all.length ? failed.map(({ to }) => to.pod) : [] }];
    });
    const wrong: Finding[] = [
      ...silent.map(({ first, ends }) => ({
        thing: edgeOf(first),
        fact: `does not connect${ends.length === 0 ? '' : ` to ${[...new Set(ends)].sort().join(', ')}`} within ${PATIENCE_SECONDS} s, though the architecture has it`,
        fix: `See that ${first.to.component} is ready and that the NetworkPolicies of both ends are there; ${putBack(context)}`,
      })),
      ...denied
        .filter(({ answered }) => answered)
        .map(({ tried }) => ({
          thing: edgeOf(tried),
          fact: 'connects, though the architecture has no such arrow',
          fix: `Delete the NetworkPolicy that lets it through (\`${kubectl.command('get networkpolicies --all-namespaces')}\`), and see that the cluster's network enforces policies; ${putBack(context)}`,
        })),
    ];
    return judge(
      `${count(allowed.size - silent.length, 'arrow')} answered, ${count(denied.length, 'other connection')} refused` +
        (mute.length === 0 ? '' : `; nothing to try with in ${[...new Set(mute)].sort().join(', ')}`),
      wrong,
    );
  },
};

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

const endOf = ({ to, port }: Try): string => `${to.ip}:${port}`;
const edgeOf = ({ from, to, port }: Try): string => `${from.component} to ${to.component}:${port}`;

/** Of an ensemble, only the leader listens there; on any other port, each pod does. */
const isLeaderAlone = ({ to, port }: Pick<Try, 'to' | 'port'>): boolean =>
  to.component === ZOOKEEPER && port === PORTS.zookeeperPeer;

/** The ready pods of each workload, the servers of names, and the Kubernetes API. */
async function placesOf(kubectl: Kubectl, { components }: Architecture): Promise<Place[]> {
  const peers = components.flatMap(({ name, peer }) => (peer.kind === 'pods' ? [{ name, peer }] : []));
  const namespaces = [...new Set(peers.map(({ peer }) => peer.namespace))];
  const found = await Promise.all(
    namespaces.map(async (namespace) => {
      const list = await kubectl.json(podList, ['-n', namespace, 'get', 'pods']);
      return (list?.items ?? []).filter(
        ({ metadata, status }) =>
          metadata.deletionTimestamp === undefined &&
          status.conditions.some((each) => each.type === 'Ready' && each.status === 'True'),
      );
    }),
  );
  const pods = found.flat();
  const places = peers.flatMap(({ name, peer }) =>
    pods
      .filter(
        ({ metadata }) =>
          metadata.namespace === peer.namespace &&
          Object.entries(peer.labels).every(([label, value]) => metadata.labels[label] === value),
      )
      .map(({ metadata, status }) => ({
        component: name,
        namespace: metadata.namespace,
        pod: metadata.name,
        ip: status.podIP ?? '',
        node: status.hostIP ?? '',
        nodes: [],
      })),
  );
  if (!components.some(({ name }) => name === KUBERNETES_API)) return places;
  const [service, slices] = await Promise.all([
    kubectl.json(clusterIp, ['-n', 'default', 'get', 'service', 'kubernetes']),
    kubectl.json(endpointSlices, [
      ...['-n', 'default', 'get', 'endpointslices'],
      ...['-l', 'kubernetes.io/service-name=kubernetes'],
    ]),
  ]);
  if (service === undefined) return places;
  const nodes = (slices?.items ?? []).flatMap(({ endpoints }) =>
    (endpoints ?? []).flatMap(({ addresses }) => addresses),
  );
  const { clusterIP: ip } = service.spec;
  return [...places, { component: KUBERNETES_API, namespace: 'default', pod: '', node: '', ip, nodes }];
}

const KUBERNETES_API = 'kubernetes-api';
/** The port of its Service, by which pods know it. */
const KUBERNETES_API_PORT = 443;

/**
 * From a pod of each workload: to all pods at the end of an arrow, and to one of those that there is no arrow to, or all
 * where one alone listens. Where pods talk to others of their own workload, all of them try.
 */
export function triesOf({ components, connections: arrows }: Architecture, places: readonly Place[]): Try[] {
  const targets = components.flatMap(({ name }) => {
    const ports = arrows.flatMap(({ target, ports: all }) =>
      target.name !== name ? [] : name === KUBERNETES_API ? [KUBERNETES_API_PORT] : all,
    );
    return [...new Set(ports)].map((port) => ({ name, port }));
  });
  const of = (name: string): Place[] => places.filter(({ component }) => component === name);
  return components
    .filter(({ ours }) => ours)
    .flatMap(({ name }) => {
      const goesTo = (target: string, port: number): boolean =>
        arrows.some(
          (each) => each.source.name === name && each.target.name === target && each.ports.includes(port),
        );
      const talksToOwn = arrows.some(({ source, target }) => source.name === name && target.name === name);
      return (talksToOwn ? of(name) : of(name).slice(0, 1)).flatMap((from) =>
        targets.flatMap(({ name: target, port }) => {
          const allowed = goesTo(target, port);
          // A pod reaches itself, and its own node, without passing a policy.
          const ends = of(target).filter(
            ({ pod, nodes }) => pod !== from.pod && (allowed || !nodes.includes(from.node)),
          );
          return ends
            .filter((to, i) => allowed || i === 0 || isLeaderAlone({ to, port }))
            .map((to) => ({ from, to, port, allowed }));
        }),
      );
    });
}

/**
 * Which of a pod's connections are accepted, by their place in the list; nothing where the image has no shell to try
 * with. What is started there ends by itself, also when this program does.
 */
async function tryAll(kubectl: Kubectl, tries: readonly Try[]): Promise<ReadonlySet<number> | undefined> {
  const [first] = tries;
  if (first === undefined) return new Set();
  const { namespace, pod } = first.from;
  const lines = tries.map(
    ({ to, port }, i) =>
      `t ${i} ${to.ip} ${port} &${(i + 1) % AT_A_TIME === 0 || i === tries.length - 1 ? '\nwait' : ''}`,
  );
  const script = `${TRY}\n${lines.join('\n')}\necho ${ALL_TRIED}`;
  const result = await kubectl.attempt(['-n', namespace, 'exec', pod, '--', 'sh', '-c', script]);
  if (result.ok && result.stdout.endsWith(ALL_TRIED)) {
    return new Set(result.stdout.slice(0, -ALL_TRIED.length).split('\n').filter(Boolean).map(Number));
  }
  if (result.ok && !result.stdout.includes(NO_TOOL)) {
    throw new CliError(
      `The connection to ${pod} was lost while it tried to reach others.`,
      'Run the same command again.',
    );
  }
  if (
    result.ok ||
    /executable file not found|no such file or directory|exit code 12[67]/.test(result.stderr)
  ) {
    return undefined;
  }
  throw kubectl.explain(result.stderr);
}

/** Without it, what was not accepted may not have been tried: `kubectl exec` succeeds, too, when it loses the connection. */
const ALL_TRIED = 'all tried';
const NO_TOOL = 'nothing to try with';
/** Prints the number of a connection that is accepted. */
const TRY = `if command -v bash >/dev/null && command -v timeout >/dev/null; then
  t() { timeout ${PATIENCE_SECONDS} bash -c "exec 3<>/dev/tcp/$2/$3" 2>/dev/null && echo "$1"; }
elif command -v nc >/dev/null; then
  t() { nc -z -w ${PATIENCE_SECONDS} "$2" "$3" >/dev/null 2>&1 && echo "$1"; }
else
  echo ${NO_TOOL}; exit 0
fi`;
