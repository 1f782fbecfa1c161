/** What being safe and seen costs: sales with all of it, and without one thing after the other. */
import { execa } from 'execa';
import { z } from 'zod';
import { LIMITS, NAMESPACE, NAMESPACES, Shop } from '../shop.ts';
import { WARM_UP_SECONDS } from '../till.ts';
import type { Side, Work } from '../work.ts';

const SECONDS = 20;
const AT_ONCE = 8;
/** What may be lost to each of them. */
const AT_LEAST = 0.95;

/** TLS on every connection, network policies, probes, and a Prometheus that reads all exporters; nobody looks at it. */
const ALL = {
  ...LIMITS,
  monitoring: { mode: 'bundled', bundled: { grafana: { enabled: false }, logs: { enabled: false } } },
};
const PLAIN_TEXT = {
  ...ALL,
  certificates: { source: 'none' },
  ingress: { ...LIMITS.ingress, tls: { source: 'none' } },
};

const side = (
  name: string,
  shop: Shop,
  without: (shop: Shop) => Promise<void> = () => Promise.resolve(),
): Side<'perSecond'> => ({
  name,
  run: async () => {
    await shop.open();
    await without(shop);
    const till = await shop.till();
    await till.sellFor(WARM_UP_SECONDS, AT_ONCE);
    const { perSecond, failed } = await till.sellFor(SECONDS, AT_ONCE);
    till.close();
    if (failed > 0) throw new Error(`${failed} sales failed`);
    return { perSecond };
  },
});

async function withoutPolicies(shop: Shop): Promise<void> {
  for (const namespace of NAMESPACES) {
    await shop.kubectl('-n', namespace, 'delete', 'networkpolicies', '--all', '--wait');
  }
}

const container = z.looseObject({
  livenessProbe: z.unknown(),
  readinessProbe: z.unknown(),
  startupProbe: z.unknown(),
});
const workloads = z.looseObject({
  items: z.array(
    z.looseObject({
      kind: z.string(),
      metadata: z.looseObject({ name: z.string() }),
      spec: z.looseObject({
        template: z.looseObject({ spec: z.looseObject({ containers: z.array(container) }) }),
      }),
    }),
  ),
});

async function withoutProbes(shop: Shop): Promise<void> {
  const { stdout } = await shop.kubectl('-n', NAMESPACE, 'get', 'deployments,statefulsets', '-o', 'json');
  const found = workloads.parse(JSON.parse(stdout));
  for (const { spec } of found.items) {
    for (const each of spec.template.spec.containers) {
      delete each.livenessProbe;
      delete each.readinessProbe;
      delete each.startupProbe;
    }
  }
  const target = ['--context', shop.context, '-n', NAMESPACE];
  await execa('kubectl', [...target, 'replace', '-f', '-'], { input: JSON.stringify(found) });
  for (const { kind, metadata } of found.items) {
    await shop.kubectl('-n', NAMESPACE, 'rollout', 'status', `${kind}/${metadata.name}`, '--timeout=300s');
  }
}

const PARTS = ['without TLS', 'without network policies', 'without probes', 'without exporters'] as const;

export function overhead(): Work<'perSecond'> {
  /** All of them are the same cluster. */
  const shop = (values: typeof ALL | typeof LIMITS): Shop => new Shop('overhead', 'test', values);
  const all = shop(ALL);
  return {
    id: 'overhead',
    what: 'Sales without TLS, network policies, probes and exporters in turn',
    rounds: 3,
    sides: [
      side('with all of it', all),
      side(PARTS[0], shop(PLAIN_TEXT)),
      side(PARTS[1], all, withoutPolicies),
      side(PARTS[2], all, withoutProbes),
      side(PARTS[3], shop(LIMITS)),
    ],
    figures: [
      {
        id: 'overhead',
        title: 'sales in a second with TLS, network policies, probes and exporters',
        reading: 'perSecond',
        unit: '/s',
        goals: PARTS.map((than) => ({ than, bound: 'at least', value: AT_LEAST })),
      },
    ],
  };
}
