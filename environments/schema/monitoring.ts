/** Who watches the product, and from when on something is wrong. */
import { z } from 'zod';
import { bundled } from './bundled-monitoring.ts';
import { exporters } from './exporters.ts';
import { dnsLabel, duration } from './fields.ts';

const LABEL_PART = '[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?';
const labelName = z
  .string()
  .regex(
    new RegExp(`^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?${LABEL_PART}$`),
    'the name of a label, such as release or example.com/team',
  );
const labelValue = z
  .string()
  .regex(
    new RegExp(`^(${LABEL_PART})?$`),
    'the value of a label: letters, digits and - _ . between them, at most 63 characters',
  );

/** Budgets below a twentieth: fourteen times as much is still less than everything. */
const goal = (percent: number) => z.number().min(95).max(99.99).default(percent);

/** Bounds of the histogram's buckets, in seconds, between which nothing is known of a sale. */
export const SALE_SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5] as const;

const slo = z
  .strictObject({
    availability: goal(99.9).describe(
      'Percent of sales within 30 days that must not fail for a reason of ours.',
    ),
    latency: goal(99).describe('Percent of sales that must be done within `seconds`.'),
    seconds: z
      .literal([...SALE_SECONDS])
      .default(0.5)
      .describe('Seconds that a sale may take, as the API measures it.'),
    minimum: z
      .int()
      .min(1)
      .default(5)
      .describe('Sales that have failed, or were slow, below which nobody is told of a share of them.'),
  })
  .prefault({})
  .describe('What a sale is held to.');

export const monitoring = z
  .strictObject({
    mode: z
      .enum(['none', 'operator', 'bundled'])
      .default('none')
      .describe(
        '`operator` makes a PrometheusRule and PodMonitors for a Prometheus operator that the cluster has, such as that of kube-prometheus-stack; `bundled` runs a small Prometheus, Alertmanager, Grafana and Loki of this project; `none` makes nothing.',
      ),
    labels: z
      .record(labelName, labelValue)
      .default({ release: 'kube-prometheus-stack' })
      .describe('Labels by which that Prometheus selects rules and monitors.'),
    namespace: dnsLabel('Namespace of that Prometheus, for the network policies.').default('monitoring'),
    runbookUrl: z
      .string()
      .regex(/^(https?:\/\/\S+\/)?$/, 'a URL with http:// or https:// that ends with /')
      .default('')
      .describe(
        'Where this repository can be read, such as https://git.example.com/acme/zakpos/blob/main/; alerts link their runbooks there.',
      ),
    alerts: z
      .strictObject({
        backupGrace: duration(
          'How much later than the longest time between two runs of `backups.schedule` a good backup may be.',
        ).default('2h'),
        drillGrace: duration('The same of a restore drill and `backups.drillSchedule`.').default('1d'),
        walAge: duration(
          'How old the last moment may be up to which everything that was written is in the bucket.',
        ).default('5m'),
        volumePercent: z
          .int()
          .min(50)
          .max(95)
          .default(80)
          .describe(
            'Percent of a volume above which it counts as filling; it pages halfway from there to 100.',
          ),
        rolloutGrace: duration(
          'How long a broker or a ZooKeeper may be away: as one is in a rollout, or while its node is drained.',
        ).default('10m'),
        outboxAge: duration(
          'How long an event may wait for Kafka; longer than `rolloutGrace`, so that a broker that is gone is told once.',
        ).default('11m'),
        secretAge: duration('How old a password or key may be until it is to be rotated.').default('180d'),
        securityEvents: z
          .int()
          .min(1)
          .default(50)
          .describe('Refused log ins, and the same of refused tokens, within 10 minutes that are too many.'),
      })
      .prefault({})
      .describe('From when on something is wrong.'),
    slo,
    exporters,
    bundled,
  })
  .prefault({});
