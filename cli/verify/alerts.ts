/** Whether the alerts of the configuration are loaded where they are judged, and somebody is told of them. */
import { z } from 'zod';
import { alertGroups } from '../../alerts/groups.ts';
import { PORTS, PROMETHEUS } from '../../charts/names.ts';
import { SEVERITIES } from '../../environments/monitoring.ts';
import {
  count,
  judge,
  putBack,
  skipped,
  type Check,
  type Context,
  type Finding,
  type Verdict,
} from './check.ts';

const ANSWER_MS = 10_000;

const prometheusRule = z.object({
  spec: z.object({
    groups: z.array(z.object({ rules: z.array(z.object({ alert: z.string().optional() })) })),
  }),
});
const monitors = z.object({ items: z.array(z.object({ metadata: z.object({ name: z.string() }) })) });
const rulesAnswer = z.object({
  data: z.object({
    groups: z.array(
      z.object({
        rules: z.array(
          z.object({
            type: z.string(),
            name: z.string(),
            health: z.string(),
            state: z.string().optional(),
            lastError: z.string().optional(),
          }),
        ),
      }),
    ),
  }),
});
const targetsAnswer = z.object({
  data: z.object({
    activeTargets: z.array(
      z.object({
        labels: z.record(z.string(), z.string()),
        health: z.string(),
        lastError: z.string().default(''),
      }),
    ),
  }),
});
const managersAnswer = z.object({ data: z.object({ activeAlertmanagers: z.array(z.unknown()) }) });

export const alerts: Check = {
  title: 'Alerts are armed',
  run: async (context) => {
    switch (context.config.monitoring.mode) {
      case 'none':
        return off(context);
      case 'operator':
        return ofOperator(context);
      case 'bundled':
        return bundled(context);
    }
  },
};

function off({ config: { environment } }: Context): Verdict {
  const words = 'off: monitoring.mode is none';
  if (environment === 'dev' || environment === 'test') return skipped(words);
  return judge(
    words,
    [],
    [
      {
        thing: `Monitoring of ${environment}`,
        fact: 'is off: nobody is told of anything',
        fix: 'Set monitoring.mode: docs/how-to/monitoring.md.',
      },
    ],
  );
}

const namesOf = ({ config }: Context): string[] =>
  alertGroups(config).flatMap(({ rules }) => rules.map(({ name }) => name));

const missingAlerts = (context: Context, loaded: readonly string[], where: string): Finding[] => {
  const missing = namesOf(context).filter((name) => !loaded.includes(name));
  return missing.length === 0
    ? []
    : [
        {
          thing: where,
          fact: `lacks ${count(missing.length, 'alert')}: ${missing.join(', ')}`,
          fix: putBack(context),
        },
      ];
};

/** What an operator is given; whether its Prometheus takes it, that Prometheus shows. */
async function ofOperator(context: Context): Promise<Verdict> {
  const { kubectl, config, rendered } = context;
  const get = ['-n', config.namespace, 'get'];
  const [rule, live] = await Promise.all([
    kubectl.json(prometheusRule, [
      ...get,
      'prometheusrules.monitoring.coreos.com',
      'zakpos',
      '--ignore-not-found',
    ]),
    kubectl.json(monitors, [...get, 'podmonitors.monitoring.coreos.com']),
  ]);
  const loaded = (rule?.spec.groups ?? []).flatMap(({ rules }) => rules.flatMap(({ alert = [] }) => alert));
  const wanted = rendered.objects.filter(
    ({ kind, metadata }) => kind === 'PodMonitor' && metadata.namespace === config.namespace,
  );
  const names = (live?.items ?? []).map(({ metadata }) => metadata.name);
  return judge(
    `${count(loaded.length, 'alert')} and ${count(wanted.length, 'PodMonitor')} for the Prometheus operator`,
    [
      ...missingAlerts(context, loaded, 'PrometheusRule zakpos'),
      ...wanted
        .filter(({ metadata }) => !names.includes(metadata.name))
        .map(({ metadata }) => ({
          thing: `PodMonitor ${metadata.name}`,
          fact: 'is missing: nobody asks for its metrics',
          fix: putBack(context),
        })),
    ],
  );
}

async function bundled(context: Context): Promise<Verdict> {
  const { kubectl, config, flags } = context;
  const pod = `pod/${PROMETHEUS}-0`;
  return kubectl.withPort({ namespace: config.namespace, pod, port: PORTS.prometheus }, async (url) => {
    const ask = async <T>(path: string, schema: z.ZodType<T>): Promise<T> => {
      const answer = await fetch(`${url}/api/v1/${path}`, { signal: AbortSignal.timeout(ANSWER_MS) });
      return schema.parse(await answer.json());
    };
    const [rules, targets, managers] = await Promise.all([
      ask('rules?type=alert', rulesAnswer),
      ask('targets?state=active', targetsAnswer),
      ask('alertmanagers', managersAnswer),
    ]);
    const loaded = rules.data.groups.flatMap((group) => group.rules);
    const logs = `\`npm run logs -- prometheus ${flags}\` tells why.`;
    const wrong: Finding[] = [
      ...missingAlerts(
        context,
        loaded.map(({ name }) => name),
        'Prometheus',
      ),
      ...loaded
        .filter(({ health }) => health === 'err')
        .map(({ name, lastError = '' }) => ({
          thing: `Alert ${name}`,
          fact: `can't be judged: ${lastError}`,
          fix: logs,
        })),
      ...targets.data.activeTargets
        .filter(({ health }) => health === 'down')
        .map(({ labels, lastError }) => ({
          thing: `Metrics of ${labels.pod ?? labels.instance ?? labels.job ?? 'a target'}`,
          fact: `are not told to Prometheus: ${lastError}`,
          fix: logs,
        })),
      ...(managers.data.activeAlertmanagers.length === 0
        ? [{ thing: 'Prometheus', fact: 'knows no Alertmanager: its alerts reach nobody', fix: logs }]
        : []),
    ];
    return judge(
      `${count(loaded.length, 'alert')} loaded, ${count(targets.data.activeTargets.length, 'target')} asked`,
      wrong,
      [
        ...loaded
          .filter(({ state }) => state === 'firing')
          .map(({ name }) => ({
            thing: `Alert ${name}`,
            fact: 'is firing now',
            fix: 'Its runbook says what to do: docs/reference/alerts.md.',
          })),
        ...unheard(context),
      ],
    );
  });
}

/** Severities whose alerts are sent to nobody. */
const unheard = ({ config }: Context): Finding[] =>
  SEVERITIES.filter(
    (severity) => config.monitoring.bundled.alertmanager.receivers[severity].type === 'none',
  ).map((severity) => ({
    thing: `Alerts of severity ${severity}`,
    fact: 'are sent to nobody',
    fix: `Set monitoring.bundled.alertmanager.receivers.${severity}: docs/how-to/alerts.md.`,
  }));
