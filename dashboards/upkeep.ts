/** What has to be there for the shop to be there tomorrow. */
import { lines, number, of, outside, rate, type Dashboard } from './panel.ts';

const ago = (selector: string): string => `time() - max(${selector})`;

export const backups: Dashboard = {
  uid: 'zakpos-backups',
  title: 'ZakPOS: backups',
  description: 'The log, the backups and whether they restore.',
  from: 'now-7d',
  rows: [
    {
      title: 'Now',
      panels: [
        number('Bucket', 'yes or no', 'Whether it answers.', `max(${of('zakpos_backup_storage_up')})`),
        number(
          'Sales at risk',
          'seconds',
          'What a lost volume would take with it: how long ago the log was last wholly in the bucket.',
          ago(of('zakpos_backup_wal_uploaded_timestamp_seconds')),
        ),
        number(
          'Base backup',
          'seconds',
          'How old the newest good one is; a restore starts from it.',
          ago(of('zakpos_backup_last_success_timestamp_seconds', 'kind="base"')),
        ),
        number(
          'Dump',
          'seconds',
          'How old the newest good one is.',
          ago(of('zakpos_backup_last_success_timestamp_seconds', 'kind="dump"')),
        ),
        number(
          'Log is missing',
          'yes or no',
          'After the newest base backup: then no later moment can be restored.',
          `max(${of('zakpos_backup_wal_gap')})`,
        ),
        number(
          'Last drill',
          'seconds',
          'How long ago a restore was last rehearsed.',
          ago(of('zakpos_restore_drill_last_timestamp_seconds')),
        ),
        number(
          'It restored',
          'yes or no',
          'Whether that rehearsal succeeded.',
          `min(${of('zakpos_restore_drill_success')})`,
        ),
      ],
    },
    {
      title: 'Over the week',
      panels: [
        lines('Good backups', 'count', 'In the bucket, by kind.', {
          '{{kind}}': `max by (kind) (${of('zakpos_backup_good')})`,
        }),
        lines('Size', 'bytes', 'Of the newest good one, compressed.', {
          '{{kind}}': `max by (kind) (${of('zakpos_backup_size_bytes')})`,
        }),
        lines('Time', 'seconds', 'That the newest good one and the last drill took.', {
          '{{kind}}': `max by (kind) (${of('zakpos_backup_duration_seconds')})`,
          drill: `max(${of('zakpos_restore_drill_duration_seconds')})`,
        }),
      ],
    },
  ],
};

const KUBELET = 'job="kubelet"';
const DISKS = `${KUBELET},id="/",device=~"/dev/.+",device!~"/dev/shm.*"`;
const container = 'container!=""';
const byContainer = 'sum by (pod, container)';

export const nodes: Dashboard = {
  uid: 'zakpos-nodes',
  title: 'ZakPOS: nodes and volumes',
  description: 'What pods take of their nodes, how full volumes are, and what ends soon.',
  from: 'now-6h',
  rows: [
    {
      title: 'Pods',
      panels: [
        lines('CPU', 'count', 'Cores in use, by container.', {
          '{{pod}} {{container}}': `${byContainer} (${rate('container_cpu_usage_seconds_total', container)})`,
        }),
        lines(
          'Throttled',
          'share',
          'Of the time that a container wants to run, when it may not. A tenth is felt.',
          {
            '{{pod}} {{container}}': `${byContainer} (${rate('container_cpu_cfs_throttled_periods_total', container)}) / (${byContainer} (${rate('container_cpu_cfs_periods_total', container)}) > 0)`,
          },
        ),
        lines('Memory', 'bytes', 'What a container needs, files that it reads again and again among it.', {
          '{{pod}} {{container}}': `max by (pod, container) (${of('container_memory_working_set_bytes', container)})`,
        }),
        lines('Memory of its limit', 'share', 'Without files. At the limit, a container is killed.', {
          '{{pod}} {{container}}': `max by (namespace, pod, container) (${of('container_memory_rss', container)}) / on (namespace, container) group_left () ${of('zakpos:memory_limit:bytes')}`,
        }),
        lines('Starts', 'count', 'Containers that were started anew in the last quarter of an hour.', {
          '{{pod}} {{container}}': `max by (pod, container) (increase(${of('kube_pod_container_status_restarts_total')}[15m]))`,
        }),
      ],
    },
    {
      title: 'Volumes',
      panels: [
        lines('Taken', 'share', 'Of each claim, where its storage driver measures.', {
          '{{persistentvolumeclaim}}': `max by (persistentvolumeclaim) (1 - ${of('kubelet_volume_stats_available_bytes')} / ${of('kubelet_volume_stats_capacity_bytes')})`,
        }),
        {
          ...lines(
            'Free in four days',
            'bytes',
            'If it goes on as in the last six hours. Below nothing, it is full by then.',
            {
              '{{persistentvolumeclaim}}': `min by (persistentvolumeclaim) (predict_linear(${of('kubelet_volume_stats_available_bytes')}[6h], 4 * 86400))`,
            },
          ),
          signed: true,
        },
      ],
    },
    {
      title: 'Nodes',
      panels: [
        lines(
          'Disk',
          'share',
          'Taken of each disk. From 85 % on, the kubelet deletes images and evicts pods.',
          {
            '{{node}} {{device}}': `max by (node, device) (${outside('container_fs_usage_bytes', DISKS)} / (${outside('container_fs_limit_bytes', DISKS)} > 0))`,
          },
        ),
        lines('Pods', 'count', 'That run on each node.', {
          '{{node}}': `max by (node) (${outside('kubelet_running_pods', KUBELET)})`,
        }),
        lines('Kubelet', 'yes or no', 'Whether it answers.', {
          '{{node}}': `min by (node) (${outside('up', KUBELET)})`,
        }),
      ],
    },
    {
      title: 'What ends',
      panels: [
        {
          ...lines('Certificates', 'seconds', 'Until each ends. Below nothing, it has ended.', {
            '{{certificate}}': `min by (certificate) (${of('zakpos_certificate_not_after_timestamp_seconds')}) - time()`,
          }),
          signed: true,
        },
        lines('Secrets', 'seconds', 'How old each is.', {
          '{{secret}}': `time() - max by (secret) (${of('zakpos_secret_made_timestamp_seconds')})`,
        }),
      ],
    },
  ],
};
