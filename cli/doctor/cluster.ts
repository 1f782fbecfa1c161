/** Whether the kind cluster is as it was made: its containers, its mounts, its addresses, its names and its policies. */
import { z } from 'zod';
import { API, POSTGRES, REDIS } from '../../charts/names.ts';
import type { Config } from '../../environments/schema.ts';
import { templateOf, type ClusterState, type KindCluster } from '../cluster.ts';
import { ROOT } from '../environment.ts';
import { run } from '../exec.ts';
import { mountedFolders } from '../kind-config.ts';
import type { Kubectl } from '../kubectl.ts';
import { leftOut, ok, problem, type Finding } from './finding.ts';

/** What is there under the cluster's name. */
export function state(kind: KindCluster, found: ClusterState): Finding {
  if (found === 'ours') return ok('cluster', `${kind.name} answers`);
  const { problem: fact, fix } = kind.refusal(found);
  return found === 'absent' ? leftOut('cluster', `${fact} ${fix}`) : problem('cluster', fact, fix);
}

const containers = z.array(
  z.object({
    Name: z.string().transform((name) => name.replace(/^\//, '')),
    HostConfig: z.object({ Binds: z.array(z.string()).nullable() }),
    NetworkSettings: z.object({ Networks: z.record(z.string(), z.object({ IPAddress: z.string() })) }),
  }),
);
const nodeList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      status: z.object({
        addresses: z.array(z.object({ type: z.string(), address: z.string() })),
        conditions: z.array(
          z.object({ type: z.string(), status: z.string(), message: z.string().default('') }),
        ),
      }),
    }),
  ),
});

/** Its ports and mounts, which are those of the day it was made, and the addresses that docker has given it since. */
export async function nodes(kind: KindCluster, config: Config): Promise<Finding[]> {
  await kind.requirePorts(config);
  const inspected = containers.parse(JSON.parse(await run('docker', ['inspect', ...(await kind.nodes())])));
  const list = await kind.kubectl.json(nodeList, ['get', 'nodes']);
  const found: Finding[] = [];

  const binds = inspected.flatMap(({ HostConfig }) => HostConfig.Binds ?? []);
  const missing = mountedFolders(templateOf(config), ROOT).filter(
    (folder) => !binds.some((bind) => bind === folder || bind.startsWith(`${folder}:`)),
  );
  if (missing.length > 0) {
    found.push(
      problem(
        'nodes',
        `The kind cluster "${kind.name}" was made without ${missing.join(', ')}: it belongs to another checkout, or to an older one.`,
        `Mounts of a cluster never change: make it anew (\`npm run down -- --cluster ${kind.name}\`, then \`npm run up\`; its data is lost).`,
      ),
    );
  }
  for (const { metadata, status } of list?.items ?? []) {
    const known = status.addresses.find(({ type }) => type === 'InternalIP')?.address;
    const container = inspected.find(({ Name }) => Name === metadata.name);
    const actual = container?.NetworkSettings.Networks.kind?.IPAddress;
    if (known !== undefined && actual !== undefined && known !== actual) {
      found.push(
        problem(
          'nodes',
          `The node ${metadata.name} was restarted with the address ${actual}, and the cluster knows it by ${known}.`,
          `\`docker restart ${metadata.name}\` lets it tell its address anew; if that does not help, make the cluster anew (\`npm run down\`, then \`npm run up\`; its data is lost).`,
        ),
      );
    }
    const ready = status.conditions.find(({ type }) => type === 'Ready');
    if (ready?.status !== 'True') {
      found.push(
        problem(
          'nodes',
          `The node ${metadata.name} is not ready: ${ready?.message ?? 'nobody knows why'}.`,
          `\`docker restart ${metadata.name}\`; \`docker exec ${metadata.name} journalctl -u kubelet\` tells why it does not come back.`,
        ),
      );
    }
  }
  return found.length === 0 ? [ok('nodes', `${inspected.length}, as they were made`)] : found;
}

const podList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      status: z.object({
        podIP: z.string().optional(),
        conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
      }),
    }),
  ),
});

/** A pod of a workload that is ready. */
async function podOf(kubectl: Kubectl, { namespace }: Config, workload: string) {
  const list = await kubectl.json(podList, [
    ...['-n', namespace, 'get', 'pods', '-l', `app.kubernetes.io/name=${workload}`],
  ]);
  const pod = list?.items.find(({ status }) =>
    status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
  );
  return pod === undefined ? undefined : { name: pod.metadata.name, ip: pod.status.podIP ?? '' };
}

/** What a shell line says in a pod; empty where it can't be run. */
const said = async (kubectl: Kubectl, { namespace }: Config, pod: string, script: string): Promise<string> =>
  (await kubectl.attempt(['-n', namespace, 'exec', pod, '--', 'sh', '-c', script])).stdout.trim();

/** A connection that no policy allows, to a port that does answer. */
export async function networkPolicies(kubectl: Kubectl, config: Config): Promise<Finding> {
  const [target, stranger] = await Promise.all([
    podOf(kubectl, config, POSTGRES),
    podOf(kubectl, config, REDIS),
  ]);
  if (target === undefined || stranger === undefined) {
    return leftOut('network policies', `it takes a ready pod of ${POSTGRES} and of ${REDIS} to try`);
  }
  const tcp = (ip: string): string =>
    `if command -v bash >/dev/null; then timeout 3 bash -c 'exec 3<>/dev/tcp/${ip}/5432'; else nc -z -w 3 ${ip} 5432; fi >/dev/null 2>&1 && echo open || echo closed`;
  // A pod reaches its own address whatever the policies are.
  const own = await said(kubectl, config, target.name, tcp(target.ip));
  if (own !== 'open') return leftOut('network policies', `${target.name} does not answer to try it with`);
  const across = await said(kubectl, config, stranger.name, tcp(target.ip));
  if (across === 'closed') {
    return ok('network policies', `${stranger.name} may not connect to ${target.name}, and can't`);
  }
  if (across !== 'open') return leftOut('network policies', `nothing can be run in ${stranger.name}`);
  return problem(
    'network policies',
    `${stranger.name} can connect to ${target.name}, which no policy allows: this cluster does not enforce them.`,
    'Make it anew with kind 0.25 or newer and its own network (`npm run down`, then `npm run up`; its data is lost).',
  );
}

/** Whether a name of the cluster is answered where the API's pods ask for it. */
export async function clusterDns(kubectl: Kubectl, config: Config): Promise<Finding> {
  const asking = await podOf(kubectl, config, API);
  if (asking === undefined) return leftOut('cluster DNS', `it takes a ready pod of ${API} to ask`);
  const name = 'kubernetes.default.svc.cluster.local';
  const script = `command -v getent >/dev/null || exit; timeout 10 getent hosts ${name} || echo unknown`;
  const answer = await said(kubectl, config, asking.name, script);
  if (answer === '') return leftOut('cluster DNS', `${asking.name} has no program to ask with`);
  if (answer !== 'unknown') return ok('cluster DNS', `${asking.name} gets answers`);
  return problem(
    'cluster DNS',
    `${asking.name} gets no answer for ${name}.`,
    `\`${kubectl.command('-n kube-system rollout restart deployment coredns')}\`; after a VPN was switched, restart docker, so that its resolver is the machine's again.`,
  );
}

/** What isn't ready, or a word that all is. */
export const readiness = (waiting: readonly string[], flags: string): Finding =>
  waiting.length === 0
    ? ok('components', 'all are ready')
    : problem('components', `Not ready: ${waiting.join(', ')}.`, `\`npm run status -- ${flags}\` says why.`);
