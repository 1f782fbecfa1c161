/** An upgrade of the database: its script, run by bash on this machine, with a volume that is a folder and servers that are none. */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../manifests.ts';

let volume: string;
let bin: string;

/** Stands in for a program with some lines of bash. */
function program(name: string, script: string): void {
  writeFileSync(join(bin, name), `#!/bin/bash\n${script}\n`, { mode: 0o755 });
}
const version = (text: string): string => `echo "postgres (PostgreSQL) ${text}"`;

beforeEach(() => {
  volume = mkdtempSync(join(tmpdir(), 'zakpos-volume-'));
  bin = mkdtempSync(join(tmpdir(), 'zakpos-bin-'));
  program('postgres', version('16.14 (Debian 16.14-1)'));
  program('sync', '');
});
afterEach(() => {
  for (const folder of [volume, bin]) rmSync(folder, { recursive: true });
});

/** A data folder of a release, with a file that tells it from others. */
function files(folder: string, release: number, mark = ''): void {
  mkdirSync(join(volume, folder));
  writeFileSync(join(volume, folder, 'PG_VERSION'), `${release}\n`);
  writeFileSync(join(volume, folder, 'mark'), mark);
}

/** Runs `upgrade.sh back` with the programs of PostgreSQL 16. */
function back(): { readonly status: number | null; readonly said: string } {
  const { status, stderr } = spawnSync('bash', [join(ROOT, 'backup/upgrade.sh'), 'back'], {
    encoding: 'utf8',
    env: { PATH: `${bin}:${process.env.PATH ?? ''}`, PGDATA: join(volume, 'pgdata'), UPGRADE_ID: 'now' },
  });
  return { status, said: stderr };
}

const mark = (): string => readFileSync(join(volume, 'pgdata/mark'), 'utf8');

test('puts the files of before back, the newest of them, and keeps the others', () => {
  files('pgdata', 17);
  files('pgdata.16-20260101t000000z', 16, 'older');
  files('pgdata.16-20261122t060000z', 16, 'newer');
  files('pgdata.before-20261122t070000z', 16, 'of a restore');
  expect(back()).toMatchObject({ status: 0 });
  expect(mark()).toBe('newer');
  expect(readdirSync(volume).sort()).toEqual([
    'pgdata',
    'pgdata.16-20260101t000000z',
    'pgdata.17-now',
    'pgdata.before-20261122t070000z',
  ]);
});

test('changes nothing the second time', () => {
  files('pgdata', 16, 'live');
  files('pgdata.16-20261122t060000z', 16, 'old');
  expect(back()).toMatchObject({ status: 0 });
  expect(mark()).toBe('live');
  expect(readdirSync(volume)).toHaveLength(2);
});

test.each<[string, () => void]>([
  [
    'before the live files were moved',
    () => {
      files('pgdata', 17);
      files('pgdata.restored', 16, 'old');
    },
  ],
  [
    'after they were',
    () => {
      files('pgdata.17-before', 17);
      files('pgdata.restored', 16, 'old');
    },
  ],
])('goes on where it was killed %s', (_, prepare) => {
  prepare();
  expect(back()).toMatchObject({ status: 0 });
  expect(mark()).toBe('old');
  expect(existsSync(join(volume, 'pgdata.restored'))).toBe(false);
});

test('says for good that there is nothing to go back to, and leaves the database as it is', () => {
  files('pgdata', 17, 'live');
  files('pgdata.before-20261122t070000z', 16, 'of a restore');
  const { status, said } = back();
  expect(status).toBe(3);
  expect(said).toContain('no files of PostgreSQL 16 are beside those of 17');
  expect(mark()).toBe('live');
});

test('does not put files back in the place of older ones', () => {
  files('pgdata', 15, 'live');
  files('pgdata.16-20261122t060000z', 16);
  const { status, said } = back();
  expect(status).toBe(3);
  expect(said).toContain(
    'the files are of PostgreSQL 15, and 16 is newer: without `--back`, an upgrade takes',
  );
  expect(mark()).toBe('live');
});

/** Runs something while a process like the database's has the volume. */
function whileHeld<T>(work: () => T): T {
  const { stdout } = spawnSync(
    'bash',
    ['-c', `exec 9<'${volume}'; flock 9; sleep 60 >/dev/null 2>&1 & echo $!`],
    { encoding: 'utf8' },
  );
  try {
    return work();
  } finally {
    process.kill(Number(stdout));
  }
}

test('leaves the files of a database that runs alone', () => {
  files('pgdata', 17, 'live');
  files('pgdata.16-20261122t060000z', 16);
  const { status, said } = whileHeld(back);
  expect(status).toBe(1);
  expect(said).toContain('a server is at work on the volume; nothing was changed');
  expect(mark()).toBe('live');
});

describe('a copy', () => {
  let run: string;

  /** Runs both halves, the server of the old files and the one that copies out of it. */
  function copy(): { readonly status: number | null; readonly said: string } {
    const script = join(run, 'backup/upgrade.sh');
    const { status, stderr } = spawnSync(
      'bash',
      ['--norc', '-c', `bash '${script}' serve & bash '${script}' copy || code=$?; wait; exit \${code-0}`],
      {
        encoding: 'utf8',
        // With a socket to read from, bash takes itself for a remote shell.
        input: '',
        timeout: 30_000,
        env: { PATH: `${bin}:${process.env.PATH ?? ''}`, PGDATA: join(volume, 'pgdata'), UPGRADE_ID: 'now' },
      },
    );
    return { status, said: stderr };
  }
  /** What psql answers to a question that has some words in it. */
  const answers = (name: string, text: string): void => {
    writeFileSync(join(run, 'answers', name), text);
  };
  const servers = (): string[] => readFileSync(join(run, 'servers'), 'utf8').trim().split('\n');

  beforeEach(() => {
    run = mkdtempSync(join(tmpdir(), 'zakpos-run-'));
    cpSync(join(ROOT, 'backup'), join(run, 'backup'), { recursive: true });
    const common = join(run, 'backup/common.sh');
    writeFileSync(common, readFileSync(common, 'utf8').replace('RUN=/run/backup', `RUN=${run}`));
    mkdirSync(join(run, 'answers'));
    files('pgdata', 16, 'old');
    mkdirSync(join(volume, 'pgdata/base'));
    answers('databases', 'zakpos_db\n');
    answers('tables', '');
    program(
      'postgres',
      `[ "$1" != --version ] || { ${version('17.10')}; exit; }
echo "$*" >>'${run}/servers'
[[ "$*" =~ unix_socket_directories=([^ ]*) ]]
up=\${BASH_REMATCH[1]}/up pid=$2/postmaster.pid
trap 'rm "$up" "$pid"; exit' TERM
echo $$ >"$pid"
touch "$up"
while :; do sleep 0.1; done`,
    );
    program('pg_isready', '[ -e "$PGHOST/up" ] || exit 2');
    program(
      'pg_ctl',
      'kill "$(cat "$2/postmaster.pid")"; while [ -e "$2/postmaster.pid" ]; do sleep 0.1; done',
    );
    program('initdb', 'mkdir "$2" && echo 17 >"$2/PG_VERSION"');
    program(
      'psql',
      `case "$*" in
  *"datname <> 'postgres'"*) cat '${run}/answers/databases' ;;
  *"not datallowconn"*) ;;
  *"from pg_class"*) cat '${run}/answers/tables' ;;
  *checksums.sql) echo 'table public.sales 3 77' ;;
  *) cat >/dev/null ;;
esac`,
    );
    for (const name of ['pg_dumpall', 'pg_dump', 'vacuumdb']) program(name, '');
    program('pg_restore', 'cat >/dev/null');
    program('df', 'printf "head\\nfs 9000000 0 1300000 0%% /\\n"');
  });
  afterEach(() => {
    rmSync(run, { recursive: true });
  });

  test('takes the place of the old files, and its log stays small meanwhile', () => {
    const { status, said } = copy();
    expect({ status, said }).toMatchObject({ status: 0 });
    expect(said).toContain('zakpos_db: 3 rows in 1 tables, all of them the same');
    expect(readdirSync(volume).sort()).toEqual(['pgdata', 'pgdata.16-now']);
    expect(readFileSync(join(volume, 'pgdata/PG_VERSION'), 'utf8')).toBe('17\n');
    expect(servers()).toHaveLength(2);
    expect(servers().find((server) => server.includes('pgdata.upgrading'))).toContain(
      '-c wal_level=minimal -c max_wal_senders=0 -c max_wal_size=256MB',
    );
  });

  test('lets nobody else have the volume', () => {
    program(
      'vacuumdb',
      `flock -n '${volume}' true && echo free >>'${run}/lock' || echo taken >>'${run}/lock'`,
    );
    expect(copy()).toMatchObject({ status: 0 });
    expect(readFileSync(join(run, 'lock'), 'utf8')).toBe('taken\n');
    expect(spawnSync('flock', ['-n', volume, 'true']).status).toBe(0);
  });

  describe('leaves the old files as they are, and none of its own,', () => {
    afterEach(() => {
      expect(mark()).toBe('old');
      expect(readdirSync(volume)).toEqual(['pgdata']);
    });

    test('where there is no database to copy', () => {
      answers('databases', '');
      const { status, said } = copy();
      expect(status).toBe(3);
      expect(said).toContain('there is no database to copy');
    });

    test('where tables would stay behind', () => {
      answers('tables', 'sales\nsale_items\n');
      const { status, said } = copy();
      expect(status).toBe(3);
      expect(said).toContain(
        'the database postgres is not copied, and holds sales sale_items: move that into another one',
      );
    });

    test('without room for the data and the log of the new server', () => {
      program('df', 'printf "head\\nfs 9000000 0 1100000 0%% /\\n"');
      const { status, said } = copy();
      expect(status).toBe(3);
      expect(said).toMatch(/the volume has 1074 MiB free, and the new files need 1152 beside those/);
    });

    test('while the database runs', () => {
      const { status, said } = whileHeld(copy);
      expect(status).toBe(1);
      expect(said).toContain('a server is at work on the volume; nothing was changed');
    });
  });
});
