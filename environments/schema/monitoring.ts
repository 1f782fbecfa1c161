/** Who watches the product, and from when on something is wrong. */
import { z } from 'zod';
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

export const monitoring = z
  .strictObject({
    mode: z
      .enum(['none', 'operator'])
      .default('none')
      .describe(
        '`operator` makes a PrometheusRule and PodMonitors for a Prometheus operator that the cluster has, such as that of kube-prometheus-stack; `none` makes nothing.',
      ),
    labels: z
      .record(labelName, labelValue)
      .default({ release: 'kube-prometheus-stack' })
      .describe('Labels by which that Prometheus selects rules and monitors.'),
    namespace: dnsLabel('Namespace of that Prometheus, for the network policies.').default('monitoring'),
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
      })
      .prefault({})
      .describe('From when on something is wrong.'),
  })
  .prefault({});
