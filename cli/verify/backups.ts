/** Whether there are fresh backups, whole up to now, that have been seen to restore. */
import { durationOf } from '../../alerts/rule.ts';
import { BACKUP, RESTORE_DRILL } from '../../charts/names.ts';
import { hasBackups } from '../../environments/backups.ts';
import { toSeconds } from '../../environments/quantities.ts';
import { longestGap } from '../../environments/schedule.ts';
import type { Config } from '../../environments/schema.ts';
import { runNow } from '../jobs.ts';
import { parseMetrics, type Sample } from '../metrics.ts';
import { judge, skipped, type Check, type Context, type Finding, type Verdict } from './check.ts';

export const backups: Check = {
  title: 'Backups are fresh and restorable',
  run: async (context, line) => {
    const { kubectl, config, drill } = context;
    if (!hasBackups(config)) return none(config);
    if (drill) await runNow(kubectl, config.namespace, RESTORE_DRILL, line);
    const text = await kubectl.run([
      ...[
        '-n',
        config.namespace,
        'exec',
        `${BACKUP}-0`,
        '-c',
        'measure',
        '--',
        'cat',
        '/metrics/metrics.txt',
      ],
    ]);
    return judgeBackups(context, parseMetrics(text));
  },
};

/** Why nobody looks: somebody else makes them, or nobody does, which is right only where nothing is to be kept. */
function none({ environment, postgres }: Config): Verdict {
  if (postgres.mode === 'cloudnativepg')
    return skipped('CloudNativePG makes them; its Cluster tells of them');
  if (postgres.mode === 'external') return skipped('whoever runs the external server makes them');
  const words = `${environment} has none: backups.s3 is not set`;
  if (environment === 'dev' || environment === 'test') return skipped(words);
  return judge(
    'none',
    [],
    [
      {
        thing: `Environment ${environment}`,
        fact: 'has no backups: backups.s3 is not set, so a lost volume is a lost shop',
        fix: 'Set it: docs/how-to/back-up-and-restore.md.',
      },
    ],
  );
}

/** What the pod that looks after the bucket tells, measured as the alerts measure it. */
function judgeBackups({ config, flags, drill }: Context, samples: readonly Sample[]): Verdict {
  const now = Date.now() / 1000;
  const value = (name: string, kind?: string): number | undefined =>
    samples.find((sample) => sample.name === name && (kind === undefined || sample.labels.kind === kind))
      ?.value;
  const since = (name: string, kind?: string): number | undefined => {
    const at = value(name, kind);
    return at === undefined ? undefined : Math.max(0, now - at);
  };
  const { backupGrace, drillGrace, walAge } = config.monitoring.alerts;
  const wrong: Finding[] = [];
  const doubtful: Finding[] = [];
  const again = `\`npm run backup -- ${flags}\` makes one now and tells what is wrong.`;

  if (value('zakpos_backup_storage_up') === 0) {
    wrong.push({
      thing: 'The bucket of the backups',
      fact: 'does not answer',
      fix: `\`npm run logs -- backup ${flags}\` tells what it says; see its address and the Secret with its key.`,
    });
  }
  const allowed = longestGap(config.backups.schedule) + toSeconds(backupGrace);
  for (const kind of ['base', 'dump']) {
    const age = since('zakpos_backup_last_success_timestamp_seconds', kind);
    if (age !== undefined && age <= allowed) continue;
    wrong.push({
      thing: `The newest good ${kind} backup`,
      fact:
        age === undefined
          ? 'does not exist'
          : `is ${ageOf(age)} old; its schedule allows ${durationOf(allowed)}`,
      fix: again,
    });
  }
  const log = since('zakpos_backup_wal_uploaded_timestamp_seconds');
  if (log === undefined || log > toSeconds(walAge)) {
    wrong.push({
      thing: 'The write-ahead log',
      fact: `was ${log === undefined ? 'never wholly' : `last wholly ${ageOf(log)} ago`} in the bucket: sales since then are on one volume alone`,
      fix: `\`npm run logs -- backup ${flags}\` tells why.`,
    });
  }
  if (value('zakpos_backup_wal_gap') === 1) {
    wrong.push({
      thing: 'The write-ahead log',
      fact: 'has a gap after the newest base backup: no later moment can be restored',
      fix: again,
    });
  }
  // The bucket is measured each half minute: what has just been rehearsed may not be told yet.
  const drilled = drill ? 0 : since('zakpos_restore_drill_last_timestamp_seconds');
  const rehearse = `\`npm run verify -- --drill ${flags}\` rehearses one now.`;
  if (drilled === undefined) {
    doubtful.push({
      thing: 'The restore drill',
      fact: 'has never run: nobody has seen these backups restore',
      fix: rehearse,
    });
  } else if (!drill && value('zakpos_restore_drill_success') === 0) {
    wrong.push({
      thing: 'The restore drill',
      fact: `failed ${ageOf(drilled)} ago: the backups may not restore`,
      fix: rehearse,
    });
  } else if (drilled > longestGap(config.backups.drillSchedule) + toSeconds(drillGrace)) {
    wrong.push({ thing: 'The restore drill', fact: `ran last ${ageOf(drilled)} ago`, fix: rehearse });
  }
  const newest = since('zakpos_backup_last_success_timestamp_seconds', 'base');
  return judge(
    [
      `newest base backup ${newest === undefined ? 'none' : `${ageOf(newest)} old`}`,
      `log ${log === undefined ? 'nowhere' : `${ageOf(log)} behind`}`,
      drill
        ? 'a restore was rehearsed now'
        : `last drill ${drilled === undefined ? 'never' : `${ageOf(drilled)} ago`}`,
    ].join(', '),
    wrong,
    doubtful,
  );
}

/** Seconds in the largest whole unit. */
const ageOf = (seconds: number): string =>
  seconds < 120
    ? `${Math.round(seconds)} s`
    : seconds < 7200
      ? `${Math.round(seconds / 60)} min`
      : seconds < 172_800
        ? `${Math.round(seconds / 3600)} h`
        : `${Math.round(seconds / 86_400)} d`;
