import { backups } from '../../../cli/verify/backups.ts';
import { configWith } from '../../manifests.ts';
import { contextOf, LINE, told } from './world.ts';

const S3 = {
  backups: { s3: { bucket: 'backups', endpoint: 'http://s3.example.com:9000', cidr: '10.4.0.0/24' } },
};
const HOUR = 3600;

/** What the pod of the backups tells of itself, by how many seconds ago things were. */
const metrics = (own: Readonly<Record<string, number | undefined>> = {}): string => {
  const ago = (seconds: number): number => Date.now() / 1000 - seconds;
  const all: Readonly<Record<string, number | undefined>> = {
    zakpos_backup_storage_up: 1,
    'zakpos_backup_last_success_timestamp_seconds{kind="base"}': ago(HOUR),
    'zakpos_backup_last_success_timestamp_seconds{kind="dump"}': ago(HOUR),
    zakpos_backup_wal_gap: 0,
    zakpos_backup_wal_uploaded_timestamp_seconds: ago(20),
    zakpos_restore_drill_last_timestamp_seconds: ago(24 * HOUR),
    zakpos_restore_drill_success: 1,
    ...own,
  };
  return Object.entries(all)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`]))
    .join('\n');
};
const judge = (own?: Parameters<typeof metrics>[0]) =>
  backups.run(
    contextOf([[/exec zakpos-backup-0 -c measure -- cat/, metrics(own)]], { config: configWith('prod', S3) }),
    LINE,
  );
const LONG_AGO = Date.now() / 1000 - 40 * 24 * HOUR;

test('pass when the newest are young and a drill was good', async () => {
  expect(await judge()).toMatchObject({
    state: 'passed',
    words: 'newest base backup 60 min old, log 20 s behind, last drill 24 h ago',
  });
});

test.each<[string, Readonly<Record<string, number | undefined>>, RegExp]>([
  ['the bucket is away', { zakpos_backup_storage_up: 0 }, /^The bucket of the backups does not answer$/],
  [
    'the base backup is old',
    { 'zakpos_backup_last_success_timestamp_seconds{kind="base"}': LONG_AGO },
    /^The newest good base backup is 40 d old; its schedule allows /,
  ],
  [
    'there is no dump',
    { 'zakpos_backup_last_success_timestamp_seconds{kind="dump"}': undefined },
    /^The newest good dump backup does not exist$/,
  ],
  [
    'the log stays behind',
    { zakpos_backup_wal_uploaded_timestamp_seconds: LONG_AGO },
    /^The write-ahead log was last wholly 40 d ago in the bucket/,
  ],
  ['the log has a gap', { zakpos_backup_wal_gap: 1 }, /^The write-ahead log has a gap/],
  ['the drill has failed', { zakpos_restore_drill_success: 0 }, /^The restore drill failed 24 h ago/],
  [
    'the drill is long ago',
    { zakpos_restore_drill_last_timestamp_seconds: LONG_AGO },
    /^The restore drill ran last 40 d ago$/,
  ],
])('fail when %s', async (_, own, fact) => {
  const verdict = await judge(own);
  expect(verdict.state).toBe('failed');
  expect(told(verdict)).toHaveLength(1);
  expect(told(verdict)[0]).toMatch(fact);
});

test('warn when nobody has ever seen them restore', async () => {
  const verdict = await judge({ zakpos_restore_drill_last_timestamp_seconds: undefined });
  expect([verdict.state, ...told(verdict)]).toEqual([
    'warned',
    'The restore drill has never run: nobody has seen these backups restore',
  ]);
});

test('are left out in dev, and missed in prod', async () => {
  expect(await backups.run(contextOf([]), LINE)).toMatchObject({
    state: 'skipped',
    words: 'dev has none: backups.s3 is not set',
  });
  expect(await backups.run(contextOf([], { config: configWith('prod') }), LINE)).toMatchObject({
    state: 'warned',
  });
});

test('are restored now when that is asked for, whatever the last drill was', async () => {
  const context = contextOf(
    [
      [/create job zakpos-restore-drill-/, ''],
      [
        /get jobs,pods/,
        () => {
          const [, name = ''] = /create job (\S+)/.exec(context.kubectl.calls[0]?.args.join(' ') ?? '') ?? [];
          return {
            items: [{ kind: 'Job', metadata: { name, namespace: 'zakpos' }, status: { succeeded: 1 } }],
          };
        },
      ],
      [/logs /, 'both are good'],
      [/exec zakpos-backup-0/, metrics({ zakpos_restore_drill_success: 0 })],
    ],
    { config: configWith('prod', S3), drill: true },
  );
  const verdict = await backups.run(context, LINE);
  expect(verdict).toMatchObject({ state: 'passed' });
  expect(verdict.words).toMatch(/a restore was rehearsed now$/);
});
