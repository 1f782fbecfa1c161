import type { Construct } from 'constructs';
import { RESTORE_CLAIM } from '../environments/backups.ts';
import { SERVE_RESOURCES } from '../environments/demand.ts';
import type { Resources } from '../lib/pod.ts';
import { Volume } from '../lib/volume.ts';
import { HardenedJob } from '../lib/workloads.ts';
import {
  backupContainer,
  backupScripts,
  DATA,
  GIVEN_UP,
  serverMounts,
  UPGRADE_SCRIPTS,
} from './backup-pod.ts';
import { PRIORITY } from './capacity.ts';
import { UPGRADE } from './names.ts';
import { WAIVERS } from './waivers.ts';
import { ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

/** What an upgrade of the database is asked for. */
export interface UpgradeRequest {
  /** Identifier of this upgrade, under which the files of before are kept. */
  readonly id: string;
  /**
   * Image that the files on the claim are of.
   * @default - the upgrade is taken back: the files of before are put in place again
   */
  readonly from?: string;
}

/**
 * Brings the database's files to the major version of PostgreSQL that its image is of. The server of before and the one
 * that is to come run in one pod, closed to the network, on folders of the one claim.
 */
export class UpgradeChart extends ZakposChart {
  constructor(
    scope: Construct,
    id: string,
    props: ZakposChartProps,
    { id: upgradeId, from }: UpgradeRequest,
  ) {
    super(scope, id, props);
    const { config } = props;
    const scripts = backupScripts(this, UPGRADE, UPGRADE_SCRIPTS);
    const container = (mode: string, resources: Resources) =>
      backupContainer(config, `upgrade.sh ${mode}`, {
        name: mode,
        scripts,
        resources,
        env: { PGDATA: `${DATA}/pgdata`, UPGRADE_ID: upgradeId },
        mounts: serverMounts(Volume.existingClaim('data', RESTORE_CLAIM)),
      });
    new HardenedJob(this, 'upgrade', {
      name: UPGRADE,
      // uid and gid of postgres in the Alpine image, who owns the files.
      uid: 70,
      gid: 70,
      annotations: WAIVERS,
      imagePullPolicy: config.imagePullPolicy,
      priorityClassName: PRIORITY.stores,
      restartPolicy: 'Never',
      backoffLimit: 2,
      finalExitCode: GIVEN_UP,
      activeDeadlineSeconds: 24 * 3600,
      containers:
        from === undefined
          ? [container('back', config.postgres.resources)]
          : [
              container('copy', config.postgres.resources),
              { ...container('serve', SERVE_RESOURCES), image: from },
            ],
    });
  }
}
