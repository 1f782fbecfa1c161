/** One environment's database in another: what is refused, what is done in which order, and what is there whatever fails. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { copy, type CopyOptions } from '../../cli/commands/copy.ts';
import { ENDED, sayingEnd } from '../../cli/kubectl.ts';
import { defined } from '../manifests.ts';
import {
  failureOf,
  listeningToSignals,
  ownValues,
  quiet,
  whileTesting,
  withToolFolder,
  type Answer,
} from './fakes.ts';
import { connect, TaskCluster } from './task-cluster.ts';

quiet();

const LIVE = 'zakpos_db';
const COPY = 'zakpos_db_copy';
const BEFORE = /^zakpos_db_before_\d{8}t\d{6}z$/;
/** Somebody in the database that is copied. */
const NAME = 'Ada Lovelace';

/** A database of the target's server: whose rows it has, and who may log in. */
interface Contents {
  readonly rows: 'of before' | 'none' | 'with names' | 'without names';
  readonly takesConnections: boolean;
  readonly logins: readonly string[];
}

const ROLES = ['zakpos_user', 'zakpos_exporter', 'zakpos_backup'];

/** The target's PostgreSQL, as far as a copy talks to it, and the dump that is piped into it. */
class Server {
  databases = new Map<string, Contents>([
    [LIVE, { rows: 'of before', takesConnections: true, logins: ROLES }],
  ]);
  /** What must never be. */
  readonly wrongs: string[] = [];
  readonly statements: string[] = [];
  /** Fails the statements that it matches. */
  failing: RegExp | undefined;
  /** Whether the rest of the world goes on after a failing statement, or the server is away from then on. */
  isAway = false;

  query(input: string): Answer {
    const before = new Map(this.databases);
    let isOpen = false;
    for (const statement of input.trim().replace(/;$/, '').split(';\n')) {
      this.statements.push(statement);
      if (this.isAway) return { ok: false, stderr: 'error: unable to upgrade connection: pod not found' };
      if (this.failing?.test(statement) === true) {
        this.isAway = this.failing.flags.includes('s');
        if (isOpen) this.databases = before;
        return { ok: false, stderr: `ERROR:  not now` };
      }
      if (statement === 'begin') isOpen = true;
      else if (statement === 'commit') isOpen = false;
      else this.execute(statement);
      if (!isOpen) this.look();
    }
    if (isOpen) throw new Error('the transaction is never committed');
    return {};
  }

  private execute(statement: string): void {
    const match = (pattern: RegExp): string[] | undefined => pattern.exec(statement)?.slice(1);
    let words: string[] | undefined;
    if ((words = match(/^drop database if exists (\w+)(?: with \(force\))?$/))) {
      if (this.databases.get(words[0] ?? '')?.rows === 'of before')
        this.wrongs.push('the one before is lost');
      this.databases.delete(words[0] ?? '');
    } else if ((words = match(/^create database (\w+) owner zakpos_owner$/)))
      this.databases.set(words[0] ?? '', { rows: 'none', takesConnections: true, logins: ['public'] });
    else if ((words = match(/^revoke all on database (\w+) from public$/)))
      this.change(words[0], { logins: [] });
    else if ((words = match(/^alter database (\w+) allow_connections (true|false)$/)))
      this.change(words[0], { takesConnections: words[1] === 'true' });
    else if ((words = match(/^alter database (\w+) rename to (\w+)$/))) {
      const [from = '', to = ''] = words;
      const contents = defined(this.databases.get(from), from);
      if (this.databases.has(to)) throw new Error(`${to} is there`);
      if (from === LIVE && contents.takesConnections) this.wrongs.push('it is renamed under its users');
      this.databases.delete(from);
      this.databases.set(to, contents);
    } else if ((words = match(/^grant connect on database (\w+) to (.*)$/)))
      this.change(words[0], { logins: (words[1] ?? '').split(', ') });
    else if (
      statement !== `select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '${LIVE}'`
    )
      throw new Error(`nobody knows how to ${statement}`);
  }

  change(name = '', to: Partial<Contents>): void {
    this.databases.set(name, { ...defined(this.databases.get(name), name), ...to });
  }

  /** What holds whenever somebody could look. */
  private look(): void {
    for (const [name, { rows, logins }] of this.databases) {
      if (rows === 'with names' && (name === LIVE || logins.length > 0))
        this.wrongs.push(`${logins.join(', ')} may see names in ${name}`);
      if (rows === 'of before' && name !== LIVE && !BEFORE.test(name))
        this.wrongs.push(`the one before is ${name}`);
    }
  }
}

let server: Server;
let cluster: TaskCluster;
let said: string[];
const values = ownValues();
const { folder } = values;
let calls: string[];
/** kubectl as it is run for the dump: what comes of the one end and of the other. */
let ends: { readonly dump: string; readonly restore: string; readonly says: string };

const IN_POSTGRES = 'exec -i zakpos-postgres-0 --';
const WHOLE = { dump: `echo "PGDMP ${NAME}"`, restore: '/bin/cat', says: ENDED };

whileTesting(console, 'log', (text: string) => {
  said.push(text);
});
whileTesting(process.stdin, 'isTTY', false);
connect(() => cluster);
beforeEach(() => {
  server = new Server();
  cluster = new TaskCluster((call, input) => {
    if (
      call ===
      `${IN_POSTGRES} ${sayingEnd(['psql']).join(' ')} -Xq -v ON_ERROR_STOP=1 -d postgres -U postgres`
    ) {
      takeIn();
      cluster.events.push(...input.trim().split('\n'));
      return { stdout: ENDED, ...server.query(input) };
    }
    if (call !== 'exec zakpos-redis-0 -- sh /usr/local/etc/redis/cli.sh flushall') throw new Error(call);
    cluster.events.push('redis is emptied');
    return {};
  });
  cluster.run = ({ command, database }) => {
    takeIn();
    if (command.includes('anonymize')) server.change(database, { rows: 'without names' });
    return { ok: true, says: '{"users":3,"sales":40}' };
  };
  cluster.namespaces['there/zakpos'] = 'prod';
  cluster.namespaces['here/zakpos'] = 'test';
  said = [];
  calls = [];
  ends = WHOLE;
  configure('test', {});
  rmSync(join(folder, 'restored'), { force: true });
});
afterEach(() => {
  expect(server.wrongs).toEqual([]);
  const told = [...said, ...calls, ...cluster.kubectl.calls.flatMap(({ args }) => args)].join('\n');
  expect(told).not.toContain(NAME);
  expect(told).not.toMatch(/password=|PGPASSWORD/i);
});

/** What was piped into the copy is its rows from then on. */
function takeIn(): void {
  const restored = join(folder, 'restored');
  if (!existsSync(restored) || server.databases.get(COPY)?.rows !== 'none') return;
  if (readFileSync(restored, 'utf8').includes(NAME)) server.change(COPY, { rows: 'with names' });
}

/** Own values of an environment. */
function configure(environment: string, own: object): void {
  values.write({ environment, ...own });
}

/** Copies with a kubectl in the PATH, which is what the dump goes through. */
const run = (options: Partial<CopyOptions> = {}): Promise<void> => {
  const kubectl = `case "$*" in
    *pg_dump*) ${ends.dump};;
    *pg_restore*) { ${ends.restore}; } > ${folder}/restored && echo '${ends.says}';;
  esac`;
  return withToolFolder({ kubectl }, async (tools) => {
    const before = process.env.PATH;
    process.env.PATH = tools.path;
    try {
      await copy({
        from: 'prod',
        to: 'test',
        fromContext: 'there',
        toContext: 'here',
        yes: true,
        ...options,
      });
    } finally {
      process.env.PATH = before;
      calls.push(...tools.calls());
    }
  });
};

/** The database is what it was, and nothing else is there. */
function expectAsBefore(): void {
  expect([...server.databases]).toEqual([
    [LIVE, { rows: 'of before', takesConnections: true, logins: ROLES }],
  ]);
}

describe('a copy is refused', () => {
  /** Before the clusters were asked for anything. */
  async function refusal(options: Partial<CopyOptions> = {}): Promise<string> {
    const message = await failureOf(() => run(options));
    expect([...cluster.kubectl.calls, ...calls]).toEqual([]);
    return message;
  }

  test.each(['prod', 'cloud'])('into %s', async (to) => {
    configure('cloud', { postgres: { mode: 'statefulset' } });
    expect(await refusal({ to })).toBe(
      `A copy into ${to} would take the place of real sales.\n  Choose --to dev or --to test.`,
    );
  });

  test.each([
    ['from', { from: 'cloud' }, 'cloud'],
    ['into', { to: 'test' }, 'test'],
  ])('%s a database that is elsewhere', async (_, options, environment) => {
    configure('test', {
      postgres: { mode: 'external', external: { host: 'db.example.com', tls: 'disable' } },
    });
    expect(await refusal(options)).toBe(
      `The database of ${environment} is not in the cluster: postgres.mode is external.\n  Copy it with pg_dump and pg_restore.`,
    );
  });

  test('from a database into itself', async () => {
    expect(await refusal({ fromContext: 'here' })).toBe(
      'prod and test are one and the same: namespace zakpos of context here.\n' +
        '  Name another cluster with --from-cluster, --to-cluster, --from-context or --to-context.',
    );
  });

  test('with an image that need not know how to anonymize', async () => {
    configure('test', { api: { image: 'registry.example.com/pos/api:2.1', migrations: ['pos', 'migrate'] } });
    expect(await refusal()).toContain('which need not have dist/anonymize.js.');
  });

  test('with an API that has no migrations', async () => {
    configure('test', { api: { migrations: null } });
    expect(await refusal()).toContain('api.migrations is null.');
  });

  test('with a name that leaves no room for those of the others', async () => {
    configure('test', { postgres: { database: 'a'.repeat(40) } });
    expect(await refusal()).toContain('choose a postgres.database of at most 39 characters.');
  });

  /** After the namespaces were looked at, and nothing else. */
  async function refusedThere(options: Partial<CopyOptions> = {}): Promise<string> {
    const message = await failureOf(() => run(options));
    expect(calls).toEqual([]);
    for (const { args } of cluster.kubectl.calls) expect(args.slice(2, 4)).toEqual(['get', 'namespace']);
    expectAsBefore();
    return message;
  }

  test.each([
    ['here', 'prod', 'Namespace zakpos of context here holds prod, not test.'],
    ['there', 'dev', 'Namespace zakpos of context there holds dev, not prod.'],
    ['here', '', 'Namespace zakpos of context here holds no environment, not test.'],
  ])('where %s is "%s"', async (context, environment, problem) => {
    cluster.namespaces[`${context}/zakpos`] = environment;
    expect(await refusedThere()).toBe(`${problem}\n  Name the cluster where that is.`);
  });

  test('that nobody confirms', async () => {
    expect(await refusedThere({ yes: false })).toBe(
      'Nobody is there to confirm it.\n  Say it on the command line: `--yes`.',
    );
    expect(said[0]).toMatch(
      /^The database of prod \(there, namespace zakpos\)\ntakes the place of that of test \(here, namespace zakpos\),\nwith names, telephone numbers, e-mail addresses and passwords replaced\.\nThe one of before stays beside it as zakpos_db_before_\w+\.$/,
    );
  });
});

describe('a copy', () => {
  test('is made beside the database, takes the names out, and only then takes its place', async () => {
    await run();
    const before = defined(
      [...server.databases.keys()].find((name) => BEFORE.test(name)),
      'the one before',
    );
    expect(cluster.events).toEqual([
      `drop database if exists ${COPY};`,
      `create database ${COPY} owner zakpos_owner;`,
      `revoke all on database ${COPY} from public;`,
      `node dist/anonymize.js --yes-this-is-a-copy in zakpos on ${COPY}`,
      'the task is removed',
      `alter database ${LIVE} allow_connections false;`,
      `select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '${LIVE}';`,
      'begin;',
      `alter database ${LIVE} rename to ${before};`,
      `alter database ${COPY} rename to ${LIVE};`,
      `grant connect on database ${LIVE} to ${ROLES.join(', ')};`,
      'commit;',
      'redis is emptied',
      `node dist/migrate.js in zakpos on ${LIVE}`,
      'the task is removed',
    ]);
    expect(server.databases).toEqual(
      new Map([
        [before, { rows: 'of before', takesConnections: false, logins: ROLES }],
        [LIVE, { rows: 'without names', takesConnections: true, logins: ROLES }],
      ]),
    );
    expect(said.at(-1)).toBe(
      `\nRemove the one of before when you are sure: kubectl --context here -n zakpos exec zakpos-postgres-0 -- psql -U postgres -d postgres -c 'drop database ${before}'`,
    );
  });

  test('is read from the one and written to the other, and kept nowhere on the way', async () => {
    await run();
    expect(calls.sort()).toEqual([
      `kubectl --context here -n zakpos ${IN_POSTGRES} ${sayingEnd(['pg_restore']).join(' ')} --exit-on-error -d ${COPY} -U postgres`,
      `kubectl --context there -n zakpos ${IN_POSTGRES} pg_dump -Fc -d ${LIVE} -U postgres`,
    ]);
    const changed = cluster.kubectl.calls.filter(({ args }) => args[1] !== 'here');
    expect(changed.map(({ args }) => args.slice(2, 4))).toEqual([['get', 'namespace']]);
  });

  test('leaves a Redis that is elsewhere alone', async () => {
    configure('test', { redis: { mode: 'external', external: { host: 'r', tls: 'disable' } } });
    await run();
    expect(cluster.events).not.toContain('redis is emptied');
  });

  test('of before that was cut off is made anew', async () => {
    server.databases.set(COPY, { rows: 'with names', takesConnections: true, logins: [] });
    await run();
    expect(server.databases.has(COPY)).toBe(false);
    expect(server.databases.get(LIVE)?.rows).toBe('without names');
  });
});

describe('what fails leaves the database as it was, and no names beside it:', () => {
  test.each([
    [
      'the dump',
      {
        ...WHOLE,
        dump: `echo "PGDMP ${NAME}"; echo "pg_dump: error: server closed the connection" >&2; exit 1`,
      },
      'pg_dump: error: server closed the connection',
    ],
    // kubectl's exit code is 0 then.
    [
      'a restore whose connection is lost',
      { ...WHOLE, says: '' },
      'the connection to zakpos-postgres-0 was lost',
    ],
    ['a dump that is cut off', { ...WHOLE, dump: 'kill -9 $$' }, 'kubectl was ended by SIGKILL'],
    [
      'the restore',
      {
        ...WHOLE,
        restore: `/bin/cat >/dev/null
          echo 'pg_restore: error: COPY failed for table "sales": ERROR:  new row for relation "sales" violates check constraint "x"' >&2
          echo 'DETAIL:  Failing row contains (1, ${NAME}' >&2
          echo '${NAME}).' >&2
          echo 'CONTEXT:  COPY sales, line 1: "1 ${NAME}"' >&2
          echo 'pg_restore: error: invalid input syntax for type integer: "${NAME}"' >&2
          echo 'command terminated with exit code 1' >&2
          exit 1`,
      },
      'pg_restore: error: COPY failed for table "sales": ERROR:  new row for relation "sales" violates check constraint "x"\n' +
        'pg_restore: error: invalid input syntax for type integer: (not shown)\ncommand terminated with exit code 1',
    ],
  ])('%s', async (_, how, problem) => {
    ends = how;
    const message = await failureOf(run);
    expect(message).toBe(
      `The database could not be copied: ${problem}\n  The database of test is as it was. Run it again when that is put right.`,
    );
    expectAsBefore();
    expect(cluster.events).not.toContain('redis is emptied');
  });

  test('the anonymization', async () => {
    cluster.run = () => ({ ok: false, says: 'Nobody has said whether sales.note may tell of a person.' });
    expect(await failureOf(run)).toContain('Nobody has said whether sales.note may tell of a person.');
    expect(cluster.events.at(-1)).toBe(`drop database if exists ${COPY} with (force);`);
    expectAsBefore();
  });

  test.each([
    /^create database/,
    /^revoke/,
    /^alter .* allow_connections false/,
    /^select/,
    /^begin/,
    /^alter .* rename to \w+_before/,
    /_copy rename to/,
    /^grant/,
    /^commit/,
  ])('the statement %s', async (failing) => {
    server.failing = failing;
    expect(await failureOf(run)).toBe(
      'kubectl failed: ERROR:  not now\n  Put right what it names, then run the same command again: it continues where it stopped.',
    );
    expectAsBefore();
  });

  test('all of it, and the command that removes the copy is said', async () => {
    cluster.run = () => {
      server.isAway = true;
      return { ok: false, says: 'out of memory' };
    };
    expect(await failureOf(run)).toMatch(
      /out of memory\n[^]*\nThe copy zakpos_db_copy is still there, and may have names in it\. That could not be put right: kubectl failed: error: unable [^]*\n {2}Do it as soon as the database answers: kubectl --context here -n zakpos exec zakpos-postgres-0 -- psql -U postgres -d postgres -c 'drop database if exists zakpos_db_copy with \(force\)'$/,
    );
  });

  test('the exchange and all after it, and both commands are said', async () => {
    server.failing = /_copy rename to/s;
    const message = await failureOf(run);
    expect(message).toContain(`-c 'alter database ${LIVE} allow_connections true'`);
    expect(message).toContain(`-c 'drop database if exists ${COPY} with (force)'`);
  });

  describe('an interruption', () => {
    listeningToSignals();
    const INTERRUPTED =
      'The copy was interrupted.\n  The database of test is as it was. Run the same command again.';

    test('while it is copied', async () => {
      ends = { ...WHOLE, dump: 'kill -TERM $PPID; exec /bin/sleep 300' };
      expect(await failureOf(run)).toBe(INTERRUPTED);
      expectAsBefore();
    });

    test('while names are taken out', async () => {
      cluster.run = () => {
        takeIn();
        process.emit('SIGINT');
        return { ok: true, says: '' };
      };
      expect(await failureOf(run)).toBe(INTERRUPTED);
      expectAsBefore();
    });
  });
});
