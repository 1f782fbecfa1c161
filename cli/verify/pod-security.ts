/** Whether Pod Security holds, and the namespace has room in its quota for a rollout. */
import { z } from 'zod';
import { restrictedNamespaces } from '../../environments/namespaces.ts';
import type { Kubectl } from '../kubectl.ts';
import { bytesOf } from '../stores.ts';
import { judge, putBack, type Check, type Context, type Finding } from './check.ts';

/** Share of a quota from which on a rollout may find no room. */
const FULL = 0.95;

const namespaceSchema = z.object({
  metadata: z.object({ labels: z.record(z.string(), z.string()).default({}) }),
});
const quantities = z.record(z.string(), z.string()).default({});
const quotaList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      status: z.object({ hard: quantities, used: quantities }).prefault({}),
    }),
  ),
});

export const podSecurity: Check = {
  title: 'Pod Security is enforced, and quotas have room',
  run: async (context) => {
    const { kubectl, config } = context;
    const namespaces = restrictedNamespaces(config);
    const found = await Promise.all(
      namespaces.map((namespace) =>
        Promise.all([enforcement(context, namespace), quotaFindings(kubectl, namespace)]),
      ),
    );
    return judge(
      `${namespaces.join(' and ')} refuse a privileged pod`,
      found.flatMap(([wrong]) => wrong),
      found.flatMap(([, doubtful]) => doubtful),
    );
  },
};

/** The label, and that the API server heeds it. Nothing is made: it is asked what it would do. */
async function enforcement(context: Context, namespace: string): Promise<Finding[]> {
  const { kubectl } = context;
  const live = await kubectl.json(namespaceSchema, ['get', 'namespace', namespace]);
  const level = live?.metadata.labels['pod-security.kubernetes.io/enforce'];
  if (level !== 'restricted') {
    return [
      {
        thing: `Namespace ${namespace}`,
        fact: `enforces Pod Security ${level === undefined ? 'at no level' : `"${level}"`} instead of "restricted"`,
        fix: putBack(context),
      },
    ];
  }
  const intruder = await kubectl.attempt(['create', '--dry-run=server', '-f', '-'], {
    input: JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'zakpos-verify', namespace },
      spec: {
        containers: [
          {
            name: 'intruder',
            image: 'busybox:1.36',
            securityContext: { privileged: true },
            // A quota asks for these first.
            resources: {
              requests: { cpu: '1m', memory: '1Mi' },
              limits: { cpu: '1m', memory: '1Mi' },
            },
          },
        ],
      },
    }),
  });
  if (!intruder.ok && /PodSecurity/.test(intruder.stderr)) return [];
  return [
    {
      thing: `Namespace ${namespace}`,
      fact: intruder.ok
        ? 'would take a privileged pod, whatever its label says'
        : `refused a privileged pod for another reason than Pod Security: ${intruder.stderr.trim().slice(0, 300)}`,
      fix: "Turn the API server's admission plugin PodSecurity on, without an exemption for this namespace.",
    },
  ];
}

async function quotaFindings(kubectl: Kubectl, namespace: string): Promise<Finding[]> {
  const quotas = await kubectl.json(quotaList, ['-n', namespace, 'get', 'resourcequotas']);
  return (quotas?.items ?? []).flatMap(({ metadata, status }) =>
    Object.entries(status.hard).flatMap(([resource, hard]) => {
      const used = status.used[resource] ?? '0';
      // What nobody may have at all is no room.
      return bytesOf(hard) === 0 || bytesOf(used) < FULL * bytesOf(hard)
        ? []
        : [
            {
              thing: `ResourceQuota ${metadata.name} in ${namespace}`,
              fact: `is almost used up: ${used} of ${hard} ${resource}`,
              fix: 'Raise `quota` in the configuration, or take away what nobody needs: a rollout needs room for its new pods.',
            },
          ];
    }),
  );
}
