import type { Construct } from 'constructs';
import { Check } from '../lib/probes.ts';
import { Volume } from '../lib/volume.ts';
import { HardenedCronJob, HardenedStatefulSet } from '../lib/workloads.ts';
import {
  BACKUP_SCRIPTS,
  backupContainer,
  bucketContainer,
  backupPod,
  backupScripts,
  DATA,
  GIVEN_UP,
  RESTORE_SCRIPTS,
  retentionEnv,
  serverMounts,
  small,
  toDatabase,
} from './backup-pod.ts';
import { PRIORITY } from './capacity.ts';
import { BACKUP, BACKUP_DAILY, PORTS, RESTORE_DRILL } from './names.ts';
import { ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

const METRICS = '/metrics';

/**
 * Backups of the database in a bucket: its log as it is written, a dump and a base backup by the clock, and a rehearsal
 * of their restore.
 */
export class BackupsChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { config } = props;
    const { backups } = config;
    const database = toDatabase(config);
    const scripts = backupScripts(this, BACKUP, BACKUP_SCRIPTS);
    const resources = small(config);

    const log = Volume.claim('wal');
    const metrics = Volume.emptyDir('metrics', { memory: true, mebibytes: 1 });
    new HardenedStatefulSet(this, 'archive', {
      name: BACKUP,
      ...backupPod(config, PRIORITY.stores),
      replicas: 1,
      servicePorts: { metrics: PORTS.backupMetrics },
      claims: [{ name: log.name, ...backups.storage }],
      containers: [
        backupContainer(config, 'receive.sh', {
          name: 'receive',
          scripts,
          resources,
          env: database.env,
          mounts: [...database.mounts, { volume: log, path: '/wal' }],
        }),
        bucketContainer(config, 'upload.sh', {
          name: 'upload',
          scripts,
          resources,
          mounts: [{ volume: log, path: '/wal' }],
        }),
        bucketContainer(config, 'metrics.sh', {
          name: 'measure',
          scripts,
          resources,
          mounts: [{ volume: metrics, path: METRICS }],
        }),
        {
          name: 'metrics',
          image: backups.image,
          command: ['rclone', 'serve', 'http', '--addr', `:${PORTS.backupMetrics}`, METRICS],
          env: { RCLONE_CONFIG: '/dev/null' },
          resources,
          mounts: [{ volume: metrics, path: METRICS }],
          ports: { metrics: PORTS.backupMetrics },
          probes: {
            startup: Check.tcp('metrics'),
            readiness: Check.http('/metrics.txt', 'metrics'),
            liveness: Check.tcp('metrics'),
          },
        },
      ],
    });

    const cronJob = {
      // Neither is worth a till that has to make room for it.
      ...backupPod(config, PRIORITY.apps),
      timeZone: config.shop.timeZone,
      restartPolicy: 'Never' as const,
      backoffLimit: 1,
      finalExitCode: GIVEN_UP,
      activeDeadlineSeconds: 6 * 3600,
    };
    new HardenedCronJob(this, 'daily', {
      name: BACKUP_DAILY,
      ...cronJob,
      schedule: backups.schedule,
      containers: [
        bucketContainer(config, 'backup.sh', {
          name: 'backup',
          scripts,
          resources: backups.resources,
          env: { ...database.env, ...retentionEnv(config) },
          mounts: database.mounts,
        }),
      ],
    });

    const { size, storageClass } = config.postgres.storage;
    new HardenedCronJob(this, 'drill', {
      name: RESTORE_DRILL,
      ...cronJob,
      schedule: backups.drillSchedule,
      containers: [
        bucketContainer(config, 'drill.sh', {
          name: 'drill',
          scripts: backupScripts(this, RESTORE_DRILL, RESTORE_SCRIPTS),
          resources: backups.resources,
          env: { PGDATA: `${DATA}/pgdata` },
          mounts: serverMounts(
            Volume.ephemeralClaim('data', { size, ...(storageClass === undefined ? {} : { storageClass }) }),
          ),
        }),
      ],
    });
  }
}
