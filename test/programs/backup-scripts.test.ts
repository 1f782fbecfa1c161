/** The scripts of backups, run by bash on this machine: a folder stands in for the bucket, and for the claims. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { BACKUP_SCRIPTS, RESTORE_SCRIPTS, UPGRADE_SCRIPTS } from '../../charts/backup-pod.ts';
import { parseManifests } from '../../cli/backups.ts';
import { ROOT } from '../manifests.ts';

const FOLDER = join(ROOT, 'backup');
const SCRIPTS = readdirSync(FOLDER).sort();
const textOf = (script: string): string => readFileSync(join(FOLDER, script), 'utf8');

describe('the scripts', () => {
  test.each(SCRIPTS.filter((name) => name.endsWith('.sh')))('%s is one that bash can read', (name) => {
    const { status, stderr } = spawnSync('bash', ['-n', join(FOLDER, name)], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  test('are all in a pod, and there is each that pods name', () => {
    expect([...new Set<string>([...BACKUP_SCRIPTS, ...RESTORE_SCRIPTS, ...UPGRADE_SCRIPTS])].sort()).toEqual(
      SCRIPTS,
    );
  });

  test.each<[string, readonly string[]]>([
    ['backup', BACKUP_SCRIPTS],
    ['restore', RESTORE_SCRIPTS],
    ['upgrade', UPGRADE_SCRIPTS],
  ])('of a %s have those beside them that they run or source', (_, files) => {
    for (const file of files) {
      const used = [...textOf(file).matchAll(/\$SCRIPTS\/([\w.-]+)|\$\(dirname "\$0"\)\/([\w.-]+)/g)];
      for (const [, run, sourced] of used) expect(files).toContain(run ?? sourced);
    }
    expect(files.filter((file) => textOf(file).includes('$SCRIPTS/'))).not.toEqual([]);
  });

  test('stop at the first thing that fails, in a pipe as well', () => {
    expect(textOf('common.sh')).toMatch(/^set -euo pipefail$/m);
    for (const file of SCRIPTS.filter((name) => textOf(name).startsWith('#!')))
      expect(textOf(file)).toMatch(/^\. "\$\(dirname "\$0"\)\/common\.sh"$/m);
  });
});

/** rclone, as far as the scripts use it, on a folder in place of a bucket. */
const RCLONE = `#!/bin/bash
while [ $# -gt 0 ]; do
  case $1 in
    --log-level | --contimeout | --timeout | --retries | --low-level-retries | --stats | --stats-log-level) shift 2 ;;
    --stats-one-line) shift ;;
    *) break ;;
  esac
done
command=$1
shift
include= files= depth= flag= format=
while [ $# -gt 0 ]; do
  case $1 in
    --format) format=$2; shift 2 ;;
    --include) include=$2; shift 2 ;;
    --files-from) files=$2; shift 2 ;;
    -R) depth=all; shift ;;
    --files-only | --stats-one-line) shift ;;
    --log-level | --stats | --stats-log-level) shift 2 ;;
    --immutable | --ignore-times) flag=$1; shift ;;
    *) break ;;
  esac
done
bucket=BUCKET
echo "$command $*" >>"$bucket.calls"
[ ! -e "$bucket.away" ] || [ "$command" = obscure ] || { echo "the bucket is away" >&2; exit 1; }
path=$bucket/\${1#store:}
case $command in
  obscure) tr 'a-z' 'A-Z' ;;
  lsf)
    if [ "$format" = s ] && [ -f "$path" ]; then wc -c <"$path"; exit; fi
    [ -d "$path" ] || { echo "directory not found" >&2; exit 3; }
    cd "$path"
    pattern="(^|/)$(sed 's/[.]/[.]/g; s/[*]/[^\\/]*/g' <<<"\${include:-*}")\\$"
    if [ -n "$depth" ]; then find . -type f; else find . -maxdepth 1 -type f; fi | sed 's|^[.]/||' | grep -E "$pattern" | sort
    true ;;
  cat)
    cat "$path"
    [ ! -e "$bucket.cut" ] || { cat "$bucket.cut" >&2; exit 1; } ;;
  copyto)
    target=$bucket/\${2#store:}
    if [ "$flag" = --immutable ] && [ -e "$target" ]; then cmp -s "$1" "$target" || { echo "immutable file modified" >&2; exit 1; }; fi
    mkdir -p "$(dirname "$target")" && cp "$1" "$target" ;;
  deletefile) rm "$path" ;;
  purge) rm -r "$path" ;;
  delete) while read -r name; do rm "$path/$name"; done <"$files" ;;
  *) echo "nobody knows rclone $command" >&2; exit 2 ;;
esac
`;

/** Seconds of the clock, which stands still; every other call is for the machine's own. */
const DATE = `#!/bin/bash
[ "$*" = +%s ] && echo NOW && exit
case $1 in -d) exec /bin/date "$@" ;; esac
exec /bin/date -d @NOW "$@"
`;

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A pod of backups: its scripts, its folders, its Secrets, and the bucket that it reaches. */
class Pod {
  readonly root = mkdtempSync(join(tmpdir(), 'zakpos-backup-'));

  constructor(now = '2026-11-21T12:00:00Z') {
    const seconds = String(Date.parse(now) / 1000);
    for (const folder of ['run/backup', 'bucket', 'wal', 'metrics', 'data', 'bin'])
      mkdirSync(this.at(folder), { recursive: true });
    for (const name of SCRIPTS) {
      // Folders of the pod are folders below this one.
      const text = textOf(name).replaceAll(/(?<![\w$})/.])\/(?=(?:run|wal|metrics)\/)/g, `${this.root}/`);
      this.write(`opt/${name}`, text);
    }
    this.write('bin/rclone', RCLONE.replaceAll('BUCKET', this.at('bucket')), 0o755);
    this.write('bin/date', DATE.replaceAll('NOW', seconds), 0o755);
    // The first wait of those that go on for ever is their end.
    this.write('bin/sleep', '#!/bin/bash\nexit 1\n', 0o755);
    this.write('run/secrets/s3/access-key-id', 'AKIA');
    this.write('run/secrets/s3/secret-access-key', 's3-secret');
    this.write('run/secrets/backup-key/password', 'backup-key');
    this.write('run/secrets/postgres/username', 'zakpos_backup_b');
    this.write('run/secrets/postgres/password', 'co:lon\\back');
  }

  at(path: string): string {
    return join(this.root, path);
  }

  write(path: string, content: string | Buffer, mode = 0o644): void {
    mkdirSync(dirname(this.at(path)), { recursive: true });
    writeFileSync(this.at(path), content, { mode });
  }

  read(path: string): string {
    return readFileSync(this.at(path), 'utf8');
  }

  /** Files of the bucket. */
  get objects(): string[] {
    return readdirSync(this.at('bucket'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(this.at('bucket/').length))
      .sort();
  }

  /** Runs a script, as its container does it. */
  run(script: string, args: readonly string[] = [], variables: Readonly<Record<string, string>> = {}): Ran {
    return this.bash([this.at(`opt/${script}`), ...args], '', variables);
  }

  /** Runs a function of a script. */
  call(script: string, call: string, input = '', variables: Readonly<Record<string, string>> = {}): Ran {
    return this.bash(
      ['-c', `. "${this.at(`opt/${script}`)}"; ${call}`, this.at('opt/a-test')],
      input,
      variables,
    );
  }

  private bash(args: readonly string[], input: string, variables: Readonly<Record<string, string>>): Ran {
    // With a socket to read from, bash takes itself for a remote shell.
    const { status, stdout, stderr } = spawnSync('bash', ['--norc', ...args], {
      input,
      encoding: 'utf8',
      timeout: 50_000,
      env: {
        PATH: `${this.at('bin')}:${process.env.PATH ?? ''}`,
        RCLONE: this.at('bin/rclone'),
        S3_ENDPOINT: 'https://s3.example.com',
        S3_BUCKET: 'till',
        S3_PREFIX: 'zakpos-prod',
        S3_REGION: 'eu-central-1',
        S3_CHUNK_SIZE: '16Mi',
        PGDATABASE: 'zakpos_db',
        PGDATA: this.at('data/pgdata'),
        RETAIN_DAILY: '7',
        RETAIN_WEEKLY: '4',
        RETAIN_MONTHLY: '6',
        RETAIN_POINT_IN_TIME: String(7 * 86_400),
        ...variables,
      },
    });
    return { status, stdout, stderr };
  }
}

const pods: Pod[] = [];
const newPod = (now?: string): Pod => {
  const pod = new Pod(now);
  pods.push(pod);
  return pod;
};
afterEach(() => {
  for (const pod of pods.splice(0)) rmSync(pod.root, { recursive: true });
});

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');
const DAY = 86_400_000;
const idOf = (time: number): string => new Date(time).toISOString().replace(/\.\d+|[-:]/g, '');

describe('segments of the log', () => {
  test.each([
    [1, '0/2000028', '000000010000000000000002'],
    [1, '0/0', '000000010000000000000000'],
    [1, '0/FFFFFF', '000000010000000000000000'],
    [1, '0/1000000', '000000010000000000000001'],
    [1, '1/FF000000', '0000000100000001000000FF'],
    [1, 'A/1', '000000010000000A00000000'],
    [17, 'FFFFFFFF/FFFFFFFF', '00000011FFFFFFFF000000FF'],
  ])('of timeline %i at %s have the name %s', (timeline, lsn, name) => {
    const { stdout, stderr } = newPod().call('common.sh', `segment ${timeline} ${lsn}`);
    expect({ stdout, stderr }).toEqual({ stdout: `${name}\n`, stderr: '' });
  });

  test('are one behind the other, over a limit of four GiB and whatever the timeline', () => {
    const names = ['000000010000000000000002', '0000000100000001000000FF', '000000020000000200000000'];
    const { stdout } = newPod().call('common.sh', names.map((name) => `position ${name}`).join('; '));
    expect(lines(stdout)).toEqual(['2', '511', '512']);
  });
});

describe('what goes to rclone and libpq', () => {
  test('are files that nobody else can read, with no key in any argument', () => {
    const pod = newPod();
    const { stdout, stderr } = pod.call(
      'common.sh',
      'use_storage; use_database; stat -c %a "$RCLONE_CONFIG" "$PGPASSFILE"; echo "$PGUSER"',
    );
    expect(stderr).toBe('');
    expect(lines(stdout)).toEqual(['600', '600', 'zakpos_backup_b']);
    expect(readdirSync(pod.at('run/backup')).sort()).toEqual(['pgpass', 'rclone.conf']);
    // A colon and a backslash would end the field.
    expect(pod.read('run/backup/pgpass')).toBe('*:*:*:zakpos_backup_b:co\\:lon\\\\back\n');
    expect(pod.read('bucket.calls')).toBe('obscure -\n');
  });

  test.each([
    ['https://s3.example.com', ['provider = Other', 'endpoint = https://s3.example.com']],
    ['', ['provider = AWS']],
  ])('name the bucket and its folder; the server is "%s"', (endpoint, server) => {
    const pod = newPod();
    expect(pod.call('common.sh', 'use_storage', '', { S3_ENDPOINT: endpoint }).status).toBe(0);
    const said = lines(pod.read('run/backup/rclone.conf'));
    expect(said.filter((line) => /^(provider|endpoint)/.test(line))).toEqual(server);
    expect(said).toEqual(
      expect.arrayContaining([
        'region = eu-central-1',
        'access_key_id = AKIA',
        'secret_access_key = s3-secret',
        'chunk_size = 16Mi',
        'remote = s3:till/zakpos-prod',
        'password = BACKUP-KEY',
      ]),
    );
  });
});

describe('of the dumps, those are kept', () => {
  /** What retain.sh keeps of some ids, newest first. */
  function kept(now: string, ids: readonly string[], counts: readonly [number, number, number]): string[] {
    const [daily, weekly, monthly] = counts.map(String);
    const { status, stdout, stderr } = newPod(now).call('retain.sh', 'generations', `${ids.join('\n')}\n`, {
      RETAIN_DAILY: daily ?? '',
      RETAIN_WEEKLY: weekly ?? '',
      RETAIN_MONTHLY: monthly ?? '',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return lines(stdout);
  }
  /** Ids from a time back, each so many hours before the one before. */
  const back = (from: string, count: number, hours = 24): string[] =>
    Array.from({ length: count }, (_, i) => idOf(Date.parse(from) - (i * hours * DAY) / 24));

  /** Monday of a day's week, which is what ISO weeks begin with. */
  const weekOf = (id: string): string => {
    const day = Date.parse(`${id.slice(0, 4)}-${id.slice(4, 6)}-${id.slice(6, 8)}`);
    return idOf(day - ((new Date(day).getUTCDay() + 6) % 7) * DAY);
  };
  /** The rule in other words: the first of each of the first so many days, weeks and months, and all of the last day. */
  function expected(
    now: string,
    ids: readonly string[],
    counts: readonly [number, number, number],
  ): string[] {
    const periods = [(id: string) => id.slice(0, 8), weekOf, (id: string) => id.slice(0, 6)];
    const wanted = periods.flatMap((of, i) => {
      const names = [...new Set(ids.map(of))].slice(0, counts[i]);
      return names.map((name) => ids.find((id) => of(id) === name));
    });
    const yesterday = idOf(Date.parse(now) - DAY);
    return ids.filter((id) => wanted.includes(id) || id >= yesterday);
  }

  test('the last of each day, week and month, over the turn of a year and a week that belongs to both', () => {
    // 2026 has a week 53, which ends on 3 January.
    expect(kept('2027-01-04T03:30:00Z', back('2027-01-04T03:00:00Z', 60), [3, 3, 3])).toEqual([
      '20270104T030000Z',
      '20270103T030000Z',
      '20270102T030000Z',
      '20261231T030000Z',
      '20261227T030000Z',
      '20261130T030000Z',
    ]);
  });

  test.each<[string, string, number, readonly [number, number, number]]>([
    ['of a year, in the default numbers', '2026-11-21T03:30:00Z', 365, [7, 4, 6]],
    ['at the end of a year whose last days are of week 1', '2025-12-31T03:30:00Z', 100, [7, 8, 3]],
    ['after a leap day', '2024-03-02T03:30:00Z', 70, [4, 6, 2]],
  ])('as the rule says: %s', (_, now, count, counts) => {
    const ids = back(now.replace('03:30', '03:00'), count);
    const found = kept(now, ids, counts);
    expect(found).toEqual(expected(now, ids, counts));
    expect(found.length).toBeGreaterThan(Math.max(...counts));
    expect(found[0]).toBe(ids[0]);
  });

  test('all of the last day, and of the days before only their last', () => {
    const ids = back('2026-11-21T11:00:00Z', 20, 6);
    const now = '2026-11-21T12:00:00Z';
    const found = kept(now, ids, [3, 1, 1]);
    expect(found).toEqual(expected(now, ids, [3, 1, 1]));
    expect(found).toEqual([
      '20261121T110000Z',
      '20261121T050000Z',
      '20261120T230000Z',
      '20261120T170000Z',
      '20261119T230000Z',
    ]);
  });

  test('the newest, however old, and as many as ever when there are no newer ones', () => {
    const old = back('2025-01-10T03:00:00Z', 20);
    expect(kept('2026-11-21T12:00:00Z', old.slice(0, 1), [1, 1, 1])).toEqual(old.slice(0, 1));
    expect(kept('2026-11-21T12:00:00Z', old, [7, 1, 1])).toEqual(old.slice(0, 7));
  });
});

describe('of the base backups, those are kept', () => {
  const kept = (ids: readonly string[]): string[] => {
    const { status, stdout } = newPod('2026-11-21T12:00:00Z').call(
      'retain.sh',
      'window',
      `${ids.join('\n')}\n`,
    );
    expect(status).toBe(0);
    return lines(stdout);
  };

  test('all since the window of points in time began, and the one before, from which its first point is reached', () => {
    const ids = [
      '20261121T030000Z',
      '20261118T030000Z',
      '20261114T120001Z',
      '20261114T120000Z',
      '20261113T030000Z',
    ];
    expect(kept(ids)).toEqual(ids.slice(0, 4));
    expect(kept([...ids.slice(0, 3), ...ids.slice(4)])).toEqual([...ids.slice(0, 3), '20261113T030000Z']);
  });

  test('the newest, however old', () => {
    expect(kept(['20250101T030000Z', '20241231T030000Z'])).toEqual(['20250101T030000Z']);
    expect(kept(['20261121T030000Z'])).toEqual(['20261121T030000Z']);
  });

  test('and since is by the clock', () => {
    const { stdout } = newPod('2026-11-21T12:00:00Z').call('retain.sh', 'since 86400; since 0');
    expect(lines(stdout)).toEqual(['20261120T120000Z', '20261121T120000Z']);
  });
});

const SYSTEM = '7439000000000000001';

/** A manifest as backup.sh writes it. */
const manifest = (kind: 'base' | 'dump', id: string, more: readonly string[] = []): string =>
  [
    `kind ${kind}`,
    `id ${id}`,
    `system ${SYSTEM}`,
    `started ${timeOf(id)}`,
    'database-bytes 8000000',
    'schema 0002-backups',
    'rows products 12',
    'rows sales 40',
    'last-sale 5f 40 abc',
    ...more,
    `file ${kind === 'base' ? 'base.tar.gz' : 'dump.pgc'} 4096 0123abc`,
    `finished ${timeOf(id, 60)}`,
    '',
  ].join('\n');
const timeOf = (id: string, plus = 0): string =>
  new Date(Date.parse(id.replace(/(....)(..)(..)T(..)(..)(..)Z/, '$1-$2-$3T$4:$5:$6Z')) + plus * 1000)
    .toISOString()
    .replace('.000', '');

/** A pod whose bucket has these backups; those whose name ends in ! have no manifest. */
function withBackups(backups: Readonly<Record<'base' | 'dump', readonly string[]>>, now?: string): Pod {
  const pod = newPod(now);
  for (const kind of ['base', 'dump'] as const) {
    for (const name of backups[kind]) {
      const id = name.replace('!', '');
      pod.write(`bucket/${SYSTEM}/${kind}/${id}/${kind === 'base' ? 'base.tar.gz' : 'dump.pgc'}`, 'data');
      if (name === id) {
        const wal = ['start-wal 000000010000000000000003', 'end-wal 000000010000000000000004'];
        pod.write(
          `bucket/${SYSTEM}/${kind}/${id}/manifest.txt`,
          manifest(kind, id, kind === 'base' ? wal : []),
        );
      }
    }
  }
  return pod;
}
const idsOf = ({ objects }: Pod, kind: 'base' | 'dump'): string[] => [
  ...new Set(objects.flatMap((path) => (path.split('/')[1] === kind ? [path.split('/')[2] ?? ''] : []))),
];

describe('retention', () => {
  const NOW = '2026-11-21T12:00:00Z';

  test('drops what is too old with its manifest, what is none, and the log before the oldest base backup', () => {
    const pod = withBackups(
      {
        base: ['20261101T030000Z', '20261110T030000Z', '20261116T030000Z', '20261121T030000Z'],
        dump: ['20250101T030000Z', '20261120T030000Z', '20261121T030000Z'],
      },
      NOW,
    );
    for (const name of ['01', '02', '03', '04'])
      pod.write(`bucket/${SYSTEM}/wal/0000000100000000000000${name}.gz`, '');
    pod.write(`bucket/${SYSTEM}/wal/000000020000000000000002.gz`, '');
    pod.write(`bucket/${SYSTEM}/wal/000000010000000000000002.partial.gz`, '');
    pod.write(`bucket/${SYSTEM}/wal/00000002.history.gz`, '');
    const { status, stderr } = pod.run('retain.sh', [SYSTEM], {
      RETAIN_DAILY: '1',
      RETAIN_WEEKLY: '1',
      RETAIN_MONTHLY: '1',
    });
    expect(status).toBe(0);
    expect(idsOf(pod, 'base')).toEqual(['20261110T030000Z', '20261116T030000Z', '20261121T030000Z']);
    // One of a day, a week and a month, and all of the last 24 hours.
    expect(idsOf(pod, 'dump')).toEqual(['20261121T030000Z']);
    expect(
      pod.objects.filter((path) => path.includes('/wal/')).map((path) => path.replace(/.*\//, '')),
    ).toEqual(['000000010000000000000003.gz', '000000010000000000000004.gz', '00000002.history.gz']);
    expect(stderr).toContain('dropping base 20261101T030000Z');
    expect(stderr).toContain('dropping 4 segments of log before base 20261110T030000Z');
    // Cut off in between, it is no backup any more.
    const calls = lines(pod.read('bucket.calls')).filter((call) => call.includes('20261101T030000Z'));
    expect(calls).toEqual([
      `deletefile store:${SYSTEM}/base/20261101T030000Z/manifest.txt`,
      `purge store:${SYSTEM}/base/20261101T030000Z`,
    ]);
  });

  test('leaves what may be on its way, and drops what never got there', () => {
    const backups = ['20261119T030000Z!', '20261120T040000Z', '20261121T110000Z!'];
    const pod = withBackups({ base: backups, dump: backups }, NOW);
    expect(pod.run('retain.sh', [SYSTEM]).status).toBe(0);
    for (const kind of ['base', 'dump'] as const)
      expect(idsOf(pod, kind)).toEqual(['20261120T040000Z', '20261121T110000Z']);
  });

  test.each<[string, readonly string[], readonly string[]]>([
    ['dump', ['20261121T030000Z'], ['20250101T030000Z!', '20250102T030000Z!']],
    ['base', ['20250101T030000Z!', '20250102T030000Z!'], ['20261121T030000Z']],
  ])('deletes no %s where none is good', (kind, base, dump) => {
    const pod = withBackups({ base, dump }, NOW);
    pod.write(`bucket/${SYSTEM}/wal/000000010000000000000001.gz`, '');
    const before = pod.objects;
    const { status, stderr } = pod.run('retain.sh', [SYSTEM]);
    expect(status).toBe(1);
    expect(stderr).toContain(`no good ${kind} is in the bucket: nothing is deleted`);
    expect(pod.objects).toEqual(before);
  });

  test('never deletes the last good one, however old, nor its log', () => {
    const pod = withBackups({ base: ['20240101T030000Z'], dump: ['20240101T030000Z'] }, NOW);
    pod.write(`bucket/${SYSTEM}/wal/000000010000000000000003.gz`, '');
    const before = pod.objects;
    expect(pod.run('retain.sh', [SYSTEM]).status).toBe(0);
    expect(pod.objects).toEqual(before);
  });

  test('deletes nothing of a bucket that does not answer', () => {
    const pod = withBackups({ base: ['20240101T030000Z'], dump: ['20240101T030000Z'] }, NOW);
    pod.write('bucket.away', '');
    const before = pod.objects;
    expect(pod.run('retain.sh', [SYSTEM]).status).not.toBe(0);
    expect(pod.objects).toEqual(before);
  });

  test('keeps another database, and the last hundred drills', () => {
    const pod = withBackups({ base: ['20261121T030000Z'], dump: ['20261121T030000Z'] }, NOW);
    pod.write('bucket/42/base/20200101T030000Z/manifest.txt', '');
    const drills = Array.from({ length: 103 }, (_, i) => `${idOf(Date.parse(NOW) - i * DAY)}-good.txt`);
    for (const drill of drills) pod.write(`bucket/drills/${drill}`, '');
    expect(pod.run('retain.sh', [SYSTEM]).status).toBe(0);
    expect(pod.objects).toContain('42/base/20200101T030000Z/manifest.txt');
    expect(pod.objects.filter((path) => path.startsWith('drills/')).sort()).toEqual(
      drills
        .slice(0, 100)
        .map((drill) => `drills/${drill}`)
        .sort(),
    );
  });
});

describe('the list of backups', () => {
  test('has the manifests of the good ones, the oldest first, as the command reads them', () => {
    const pod = withBackups({
      base: ['20261120T030005Z', '20261121T030005Z!'],
      dump: ['20261120T030000Z', '20261121T030000Z'],
    });
    const { status, stdout } = pod.run('list.sh');
    expect(status).toBe(0);
    const found = parseManifests(stdout);
    expect(found.map(({ kind, id }) => `${kind} ${id}`)).toEqual([
      'dump 20261120T030000Z',
      'base 20261120T030005Z',
      'dump 20261121T030000Z',
    ]);
    expect(found[0]).toEqual({
      kind: 'dump',
      id: '20261120T030000Z',
      system: SYSTEM,
      finished: '2026-11-20T03:01:00Z',
      bytes: 4096,
      schema: '0002-backups',
      rows: new Map([
        ['products', 12],
        ['sales', 40],
      ]),
    });
  });

  test('is empty where there are none, and fails where the bucket does not answer', () => {
    const pod = newPod();
    expect(pod.run('list.sh')).toMatchObject({ status: 0, stdout: '' });
    expect(parseManifests('')).toEqual([]);
    pod.write('bucket.away', '');
    const { status, stderr } = pod.run('list.sh');
    expect(status).not.toBe(0);
    expect(stderr).toContain('the bucket is away');
  });
});

describe('the plan of a restore', () => {
  const BASES = {
    base: ['20261119T030000Z', '20261120T030000Z', '20261121T030000Z', '20261121T040000Z!'],
    dump: [],
  };
  const plan = (pod: Pod, request: Readonly<Record<string, string>> = {}) =>
    pod.run('restore.sh', ['plan'], { RESTORE_ID: 'x', RESTORE_AT: '', RESTORE_BACKUP: '', ...request });

  test.each<[string, Readonly<Record<string, string>>, string]>([
    ['the newest good one', {}, '20261121T030000Z'],
    [
      'the newest that had ended before the time',
      { RESTORE_AT: '2026-11-21T02:59:59.000Z' },
      '20261120T030000Z',
    ],
    // It ended at 03:01:00.
    ['none that was being made at the time', { RESTORE_AT: '2026-11-21T03:01:00.000Z' }, '20261120T030000Z'],
    ['one that ended the second before', { RESTORE_AT: '2026-11-21T03:01:01.500Z' }, '20261121T030000Z'],
    ['the one that is named', { RESTORE_BACKUP: '20261119T030000Z' }, '20261119T030000Z'],
  ])('begins from %s', (_, request, id) => {
    const { status, stdout } = plan(withBackups(BASES), request);
    expect(status).toBe(0);
    expect(parseManifests(stdout).map((each) => each.id)).toEqual([id]);
  });

  test.each<[string, Readonly<Record<string, string>>, RegExp]>([
    [
      'a time before them all',
      { RESTORE_AT: '2026-11-01T00:00:00.000Z' },
      /no good base backup is there that ended before 2026-11-01T00:00:00\.000Z; there are 20261121T030000Z 20261120T030000Z 20261119T030000Z/,
    ],
    [
      'one that there is not',
      { RESTORE_BACKUP: '20261121T040000Z' },
      /no good base backup 20261121T040000Z is there; there are 20261121T030000Z/,
    ],
    [
      'one that ended after the time',
      { RESTORE_BACKUP: '20261121T030000Z', RESTORE_AT: '2026-11-20T12:00:00.000Z' },
      /no good base backup 20261121T030000Z is there that ended before/,
    ],
  ])('says what there is beside %s', (_, request, said) => {
    const { status, stderr } = plan(withBackups(BASES), request);
    expect(status).toBe(3);
    expect(stderr).toMatch(said);
  });

  test('says so where there is none at all, and where the bucket does not answer', () => {
    const pod = newPod();
    expect(plan(pod)).toMatchObject({ status: 3 });
    expect(plan(pod).stderr).toContain('there is no good base backup in the bucket till below zakpos-prod');
    pod.write('bucket.away', '');
    expect(plan(pod).status).toBe(1);
    expect(plan(pod).stderr).toContain('the bucket is away');
  });

  /** A df of a volume that is. */
  const FULL = '#!/bin/bash\nprintf "head\\nfs 100 90 1024 90%% /\\n"\n';

  test('and a restore of one that is done does nothing', () => {
    const pod = withBackups(BASES);
    pod.write('data/pgdata/restored-x', '');
    const { status, stderr } = pod.run('restore.sh', ['restore'], { RESTORE_ID: 'x' });
    expect(status).toBe(0);
    expect(stderr).toContain('this restore is done');
    expect(readdirSync(pod.at('data'))).toEqual(['pgdata']);
  });

  describe('and a restore that was killed between its last two renames', () => {
    const killed = (): Pod => {
      const pod = withBackups(BASES);
      pod.write('data/pgdata.before-x/PG_VERSION', '16');
      pod.write('data/pgdata.restored/PG_VERSION', '16');
      pod.write('data/pgdata.restored/restored-x', '');
      return pod;
    };

    test('is done when it is run again', () => {
      const pod = killed();
      const { status, stderr } = pod.run('restore.sh', ['restore'], { RESTORE_ID: 'x' });
      expect(status).toBe(0);
      expect(stderr).toContain('this restore is done');
      expect(readdirSync(pod.at('data')).sort()).toEqual(['pgdata', 'pgdata.before-x']);
      expect(readdirSync(pod.at('data/pgdata')).sort()).toEqual(['PG_VERSION', 'restored-x']);
    });

    test('leaves its files to the next one, which may fail', () => {
      const pod = killed();
      pod.write('bin/df', FULL, 0o755);
      expect(pod.run('restore.sh', ['restore'], { RESTORE_ID: 'y' }).status).toBe(3);
      expect(readdirSync(pod.at('data/pgdata')).sort()).toEqual(['PG_VERSION', 'restored-x']);
    });
  });

  test('and one that was killed before it was whole is no database, whatever its backup had in it', () => {
    const pod = withBackups(BASES);
    pod.write('data/pgdata.restoring/restored-w', '');
    pod.write('bin/df', FULL, 0o755);
    expect(pod.run('restore.sh', ['restore'], { RESTORE_ID: 'x' }).status).toBe(3);
    expect(readdirSync(pod.at('data'))).toEqual([]);
  });

  test('and a restore beside a server on the same volume touches nothing', () => {
    const pod = withBackups(BASES);
    pod.write('data/pgdata/PG_VERSION', '16');
    const other = `exec 9<'${pod.at('data')}' && flock -s 9 && { /bin/sleep 60 & }; bash "$0" restore; code=$?; kill $!; exit $code`;
    const { status, stderr } = pod.call('common.sh', `bash -c "$OTHER" '${pod.at('opt/restore.sh')}'`, '', {
      OTHER: other,
      RESTORE_ID: 'x',
    });
    expect(status).toBe(1);
    expect(stderr).toContain('a server is at work on the volume; nothing was changed');
    expect(readdirSync(pod.at('data'))).toEqual(['pgdata']);
  });

  test('and a restore for which there is no room touches nothing', () => {
    const pod = withBackups(BASES);
    pod.write('data/pgdata/PG_VERSION', '16');
    pod.write('bin/df', FULL, 0o755);
    const { status, stderr } = pod.run('restore.sh', ['restore'], { RESTORE_ID: 'x' });
    expect(status).toBe(3);
    expect(stderr).toMatch(/the volume has 1 MiB free, and the restored data need 136 beside what is there/);
    expect(readdirSync(pod.at('data'))).toEqual(['pgdata']);
    expect(readdirSync(pod.at('data/pgdata'))).toEqual(['PG_VERSION']);
  });
});

describe('a base backup is fetched', () => {
  const FILE = 'bucket/7439/base/20261121T030000Z/base.tar.gz';
  const made = (() => {
    const folder = mkdtempSync(join(tmpdir(), 'zakpos-base-'));
    writeFileSync(join(folder, 'PG_VERSION'), '16\n');
    const { stdout } = spawnSync('tar', ['-cz', '-C', folder, 'PG_VERSION']);
    rmSync(folder, { recursive: true });
    return stdout;
  })();
  function fetch(spoil: (pod: Pod) => void): { readonly pod: Pod } & Ran {
    const pod = newPod();
    const sum = createHash('sha256').update(made).digest('hex');
    pod.write(FILE, made);
    pod.write('run/backup/manifest.txt', `database-bytes 1000\nfile base.tar.gz ${made.length} ${sum}\n`);
    spoil(pod);
    const call = '. "$SCRIPTS/recover.sh"; fetch "$PGDATA"';
    return {
      pod,
      ...pod.call('common.sh', call, '', { SYSTEM: '7439', BACKUP: '20261121T030000Z' }),
    };
  }

  test('whole', () => {
    const { pod, status } = fetch(() => undefined);
    expect(status).toBe(0);
    expect(pod.read('data/pgdata/PG_VERSION')).toBe('16\n');
  });

  // Each try of a restore is minutes without a till: what is damaged is given up at once, what is away is tried again.
  test.each<[string, (pod: Pod) => void, number, RegExp]>([
    [
      'that was truncated',
      (pod) => {
        pod.write(FILE, made.subarray(0, -10));
      },
      3,
      new RegExp(`is damaged: it has ${made.length - 10} bytes and not ${made.length}; choose an older one`),
    ],
    [
      'that is gone',
      (pod) => {
        rmSync(pod.at(FILE));
      },
      3,
      new RegExp(`is damaged: it has no bytes and not ${made.length};`),
    ],
    [
      'that was altered, as rclone sees it',
      (pod) => {
        pod.write('bucket.cut', 'failed to authenticate decrypted block - bad password?\n');
      },
      3,
      /is damaged: it can't be decrypted;/,
    ],
    [
      'of other bytes',
      (pod) => {
        pod.write(FILE, Buffer.concat([made.subarray(0, -1), Buffer.from([0xff])]));
      },
      // tar looks at the checksum of gzip, too.
      1,
      /can't be fetched or unpacked/,
    ],
    [
      'with another checksum',
      (pod) => {
        const manifest = pod.read('run/backup/manifest.txt');
        pod.write('run/backup/manifest.txt', manifest.replace(/\w+\n$/, 'abc\n'));
      },
      3,
      /is damaged: its checksum is \w{64} and not abc;/,
    ],
    [
      'that stops on the way',
      (pod) => {
        pod.write('bucket.cut', 'connection reset by peer\n');
      },
      1,
      /connection reset by peer\n[^]*can't be fetched or unpacked/,
    ],
    [
      'of a bucket that is away',
      (pod) => {
        pod.write('bucket.away', '');
      },
      1,
      /the bucket does not answer: the bucket is away/,
    ],
  ])('but not one %s', (_, spoil, code, said) => {
    const { status, stderr } = fetch(spoil);
    expect(stderr).toMatch(said);
    expect(status).toBe(code);
  });
});

describe('recovery asks for the log, and gets', () => {
  const SEGMENT = '000000010000000000000007';
  const NEXT = '000000010000000000000008';
  const archived = (): Pod => {
    const pod = newPod();
    pod.write(`bucket/${SYSTEM}/wal/${SEGMENT}.gz`, gzipSync('whole'));
    pod.write(`bucket/${SYSTEM}/wal/${SEGMENT}.partial.gz`, gzipSync('beginning'));
    pod.write(`bucket/${SYSTEM}/wal/${NEXT}.partial.gz`, gzipSync('beginning of the next'));
    pod.write('run/backup/archive', `${SEGMENT}.gz\n${SEGMENT}.partial.gz\n${NEXT}.partial.gz\n`);
    return pod;
  };
  const fetched = (pod: Pod, name: string) => pod.run('fetch-wal.sh', [name, pod.at('got')], { SYSTEM });

  test('a whole segment before its beginning', () => {
    const pod = archived();
    expect(fetched(pod, SEGMENT).status).toBe(0);
    expect(pod.read('got')).toBe('whole');
  });

  test('the beginning of the last one', () => {
    const pod = archived();
    expect(fetched(pod, NEXT).status).toBe(0);
    expect(pod.read('got')).toBe('beginning of the next');
  });

  test('its end, where the archive had no more', () => {
    expect(fetched(archived(), '000000010000000000000009').status).toBe(1);
    // It may have come since: who asks twice gets one answer.
    const pod = archived();
    pod.write(`bucket/${SYSTEM}/wal/000000010000000000000009.gz`, gzipSync('late'));
    expect(fetched(pod, '000000010000000000000009').status).toBe(1);
  });

  test.each([
    [
      'is damaged',
      (pod: Pod) => {
        pod.write(`bucket/${SYSTEM}/wal/${SEGMENT}.gz`, 'no gzip');
      },
    ],
    [
      'is cut off',
      (pod: Pod) => {
        pod.write(`bucket/${SYSTEM}/wal/${SEGMENT}.gz`, gzipSync('whole').subarray(0, 12));
      },
    ],
    [
      'is out of reach',
      (pod: Pod) => {
        pod.write('bucket.away', '');
      },
    ],
  ])('no end but a failure, where what is there %s', (_, spoil) => {
    const pod = archived();
    spoil(pod);
    // PostgreSQL takes up to 125 for the end of the log, and stops for more.
    expect(fetched(pod, SEGMENT).status).toBe(255);
  });
});

describe('the log that was received', () => {
  const FOLDER_OF = `${SYSTEM}-1`;
  const SEGMENT = '000000010000000000000007';
  const received = (): Pod => {
    const pod = newPod();
    pod.write(`wal/${FOLDER_OF}/${SEGMENT}`, 'whole');
    pod.write(`wal/${FOLDER_OF}/000000010000000000000008.partial`, 'beginning');
    pod.write('wal/current', `${FOLDER_OF}\n`);
    return pod;
  };
  const onClaim = (pod: Pod): string[] =>
    existsSync(pod.at(`wal/${FOLDER_OF}`)) ? readdirSync(pod.at(`wal/${FOLDER_OF}`)).sort() : [];
  const inBucket = (pod: Pod, name: string): string =>
    gunzipSync(readFileSync(pod.at(`bucket/${SYSTEM}/wal/${name}.gz`))).toString();

  test('is shipped: what is whole leaves the claim, and what has begun goes along', () => {
    const pod = received();
    pod.write(`bucket/${SYSTEM}/wal/${SEGMENT}.partial.gz`, gzipSync('who'));
    pod.write('run/backup/received', '1795260000');
    pod.run('upload.sh');
    expect(onClaim(pod)).toEqual(['000000010000000000000008.partial']);
    expect(inBucket(pod, SEGMENT)).toBe('whole');
    // All that there was when it began to look, and all up to the time that had been received by then.
    expect(pod.read('run/backup/uploaded')).toBe(`${Date.parse('2026-11-21T12:00:00Z') / 1000}\n`);
    expect(pod.read('run/backup/shipped')).toBe('1795260000\n');
    expect(inBucket(pod, '000000010000000000000008.partial')).toBe('beginning');
    expect(pod.objects).not.toContain(`${SYSTEM}/wal/${SEGMENT}.partial.gz`);
  });

  test('stays on the claim where the bucket does not answer', () => {
    const pod = received();
    pod.write('bucket.away', '');
    pod.write('run/backup/received', '1795260000');
    const { stderr } = pod.run('upload.sh');
    expect(onClaim(pod)).toEqual([SEGMENT, '000000010000000000000008.partial']);
    expect(stderr).toContain(`${SYSTEM}/wal/${SEGMENT}.gz does not read back as it is: `);
    for (const mark of ['uploaded', 'shipped']) expect(existsSync(pod.at(`run/backup/${mark}`))).toBe(false);
  });

  test('never replaces what is there under its name, and stays on the claim', () => {
    const pod = received();
    pod.write(`bucket/${SYSTEM}/wal/${SEGMENT}.gz`, gzipSync("another server's"));
    pod.write('run/backup/received', '1795260000');
    pod.run('upload.sh');
    expect(inBucket(pod, SEGMENT)).toBe("another server's");
    expect(onClaim(pod)).toContain(SEGMENT);
    for (const mark of ['uploaded', 'shipped']) expect(existsSync(pod.at(`run/backup/${mark}`))).toBe(false);
  });

  test('was shipped once it was, when it is run again after it was cut off before it let go', () => {
    const pod = received();
    pod.run('upload.sh');
    pod.write(`wal/${FOLDER_OF}/${SEGMENT}`, 'whole');
    pod.run('upload.sh');
    expect(onClaim(pod)).toEqual(['000000010000000000000008.partial']);
  });
});

describe('the metrics', () => {
  const BACKUPS = { base: ['20261121T030005Z'], dump: ['20261121T030000Z', '20261120T030000Z'] };
  const measured = (pod: Pod): ReadonlyMap<string, string> => {
    pod.run('metrics.sh');
    const page = lines(pod.read('metrics/metrics.txt'));
    for (const line of page)
      expect(line).toMatch(/^# (HELP|TYPE) zakpos_\w+ \S|^zakpos_\w+(\{kind="\w+"\})? \d+$/);
    return new Map(
      page
        .filter((line) => !line.startsWith('#'))
        .map((line) => [line.replace(/ \S+$/, ''), line.replace(/.* /, '')]),
    );
  };
  const seconds = (time: string): string => String(Date.parse(time) / 1000);

  test('tell of the newest good backup of each kind, and how many there are', () => {
    const found = measured(withBackups(BACKUPS));
    expect(Object.fromEntries(found)).toEqual({
      'zakpos_backup_good{kind="base"}': '1',
      'zakpos_backup_good{kind="dump"}': '2',
      'zakpos_backup_last_success_timestamp_seconds{kind="base"}': seconds('2026-11-21T03:01:05Z'),
      'zakpos_backup_last_success_timestamp_seconds{kind="dump"}': seconds('2026-11-21T03:01:00Z'),
      'zakpos_backup_size_bytes{kind="base"}': '4096',
      'zakpos_backup_size_bytes{kind="dump"}': '4096',
      'zakpos_backup_duration_seconds{kind="base"}': '60',
      'zakpos_backup_duration_seconds{kind="dump"}': '60',
      zakpos_backup_wal_gap: '0',
      zakpos_backup_storage_up: '1',
    });
  });

  test('tell that there is no backup, and that a bucket does not answer', () => {
    const pod = newPod();
    expect(Object.fromEntries(measured(pod))).toMatchObject({
      'zakpos_backup_good{kind="base"}': '0',
      'zakpos_backup_good{kind="dump"}': '0',
      zakpos_backup_storage_up: '1',
    });
    pod.write('bucket.away', '');
    expect(measured(pod).get('zakpos_backup_storage_up')).toBe('0');
  });

  // The base backup ends in segment 4.
  test.each<[string, readonly string[], string]>([
    ['nothing but the backup', [], '0'],
    [
      'log without a gap',
      ['000000010000000000000004.gz', '000000010000000000000005.gz', '000000010000000000000006.partial.gz'],
      '0',
    ],
    ['log that begins with the next', ['000000010000000000000005.gz'], '0'],
    ['a gap after the backup', ['000000010000000000000006.gz'], '1'],
    ['a gap further on', ['000000010000000000000005.gz', '000000010000000000000007.partial.gz'], '1'],
    ['a gap before the backup alone', ['000000010000000000000001.gz', '000000010000000000000005.gz'], '0'],
    [
      'a new timeline',
      [
        '000000010000000000000005.partial.gz',
        '000000020000000000000005.gz',
        '000000020000000000000006.gz',
        '00000002.history.gz',
      ],
      '0',
    ],
    ['a gap on a new timeline', ['000000010000000000000005.partial.gz', '000000020000000000000007.gz'], '1'],
  ])('tell of a gap: %s', (_, segments, gap) => {
    const pod = withBackups(BACKUPS);
    for (const name of segments) pod.write(`bucket/${SYSTEM}/wal/${name}`, '');
    expect(measured(pod).get('zakpos_backup_wal_gap')).toBe(gap);
  });

  test('tell what came of the last drill, and when the last good one was', () => {
    const pod = withBackups(BACKUPS);
    pod.write(
      'bucket/drills/20261110T050000Z-good.txt',
      'id x\nfinished 2026-11-10T05:02:00Z\nseconds 120\n',
    );
    pod.write(
      'bucket/drills/20261117T050000Z-failed.txt',
      'id x\nfinished 2026-11-17T05:01:00Z\nseconds 60\n',
    );
    const found = measured(pod);
    expect(found.get('zakpos_restore_drill_success')).toBe('0');
    expect(found.get('zakpos_restore_drill_last_timestamp_seconds')).toBe(seconds('2026-11-17T05:01:00Z'));
    expect(found.get('zakpos_restore_drill_duration_seconds')).toBe('60');
    expect(found.get('zakpos_restore_drill_last_success_timestamp_seconds')).toBe(
      seconds('2026-11-10T05:02:00Z'),
    );
    pod.write('run/backup/shipped', '1795260000');
    expect(measured(pod).get('zakpos_backup_wal_uploaded_timestamp_seconds')).toBe('1795260000');
  });
});
