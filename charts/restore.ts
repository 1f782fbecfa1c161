import type { Construct } from 'constructs';
import { RESTORE_CLAIM, RESTORING } from '../environments/backups.ts';
import type { Config } from '../environments/schema.ts';
import { k8s } from '../lib/k8s.ts';
import { Volume, type Mount } from '../lib/volume.ts';
import { HardenedJob } from '../lib/workloads.ts';
import {
  bucketContainer,
  backupPod,
  backupScripts,
  DATA,
  GIVEN_UP,
  RESTORE_SCRIPTS,
  serverMounts,
} from './backup-pod.ts';
import { PRIORITY } from './capacity.ts';
import { RESTORE } from './names.ts';
import { ROLES_WITH_PASSWORD } from './postgres.ts';
import { secretRef, ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

/** What a restore is asked for. */
export interface RestoreRequest {
  /** Identifier of this restore; run again under the same one, it does nothing more. */
  readonly id: string;
  /**
   * Point in time, as 2026-11-21T10:30:00Z.
   * @default - the end of the archive
   */
  readonly at?: string;
  /**
   * Identifier of the base backup to begin from.
   * @default - the newest good one before `at`
   */
  readonly backup?: string;
}

/** Shows which backup a restore would begin from, and what its manifest says. */
export class RestorePlanChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps, request: RestoreRequest) {
    super(scope, id, props);
    restoreJob(this, props.config, request, 'plan', []);
  }
}

/** The claim of the database, where there is none. */
export class RestoreClaimChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { size, storageClass } = props.config.postgres.storage;
    new k8s.KubePersistentVolumeClaim(this, 'claim', {
      metadata: { name: RESTORE_CLAIM, annotations: { [RESTORING]: 'true' } },
      spec: {
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: k8s.Quantity.fromString(size) } },
        ...(storageClass === undefined ? {} : { storageClassName: storageClass }),
      },
    });
  }
}

/** Puts a backup in the place of the database's files on its claim. */
export class RestoreChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps, request: RestoreRequest) {
    super(scope, id, props);
    const { config } = props;
    restoreJob(this, config, request, 'restore', [
      ...serverMounts(Volume.existingClaim('data', RESTORE_CLAIM)),
      ...(['superuser', ...ROLES_WITH_PASSWORD] as const).map((role) => ({
        volume: Volume.secret(role, secretRef(config, role)),
        path: `/run/secrets/roles/${role}`,
      })),
    ]);
  }
}

function restoreJob(
  scope: Construct,
  config: Config,
  { id, at = '', backup = '' }: RestoreRequest,
  mode: 'plan' | 'restore',
  mounts: readonly Mount[],
): void {
  new HardenedJob(scope, mode, {
    name: RESTORE,
    ...backupPod(config, PRIORITY.stores),
    // A pod that has failed stays, with what it said.
    restartPolicy: 'Never',
    backoffLimit: mode === 'plan' ? 0 : 3,
    finalExitCode: GIVEN_UP,
    activeDeadlineSeconds: 24 * 3600,
    containers: [
      bucketContainer(config, `restore.sh ${mode}`, {
        name: 'restore',
        scripts: backupScripts(scope, RESTORE, RESTORE_SCRIPTS),
        // A plan is made while the database still runs.
        resources: (mode === 'plan' ? config.backups : config.postgres).resources,
        env: { PGDATA: `${DATA}/pgdata`, RESTORE_ID: id, RESTORE_AT: at, RESTORE_BACKUP: backup },
        mounts,
      }),
    ],
  });
}
