/** Backups as they are rendered: who holds which key, what the scripts are told, and who reaches the bucket. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { BACKUP_SCRIPTS, RESTORE_SCRIPTS } from '../charts/backup-pod.ts';
import { postgresqlConf } from '../charts/postgres.ts';
import type { RestoreRequest } from '../charts/restore.ts';
import { ARCHIVE_CLAIM, RESTORE_CLAIM } from '../environments/backups.ts';
import { demandOf, type Demand } from '../environments/demand.ts';
import { dev as devInput } from '../environments/dev.ts';
import { toBytes } from '../environments/quantities.ts';
import type { Config } from '../environments/schema.ts';
import {
  allContainers,
  configMaps,
  configWith,
  defined,
  envOf,
  knownSecrets,
  objectsOf,
  only,
  networkPolicies,
  render,
  renderRestore,
  ROOT,
  shownKeys,
  workload,
  workloads,
  type Container,
  type Manifest,
  type PolicyPeer,
  type Rendered,
  type Workload,
} from './manifests.ts';
import { restrictedTemplate, restrictedViolations } from '../policies/restricted-profile.ts';

const ARCHIVE = 'zakpos-backup';
const DAILY = 'zakpos-backup-daily';
const DRILL = 'zakpos-restore-drill';
const RESTORE = 'zakpos-restore';
const POSTGRES = 'zakpos-postgres';

const S3 = {
  endpoint: 'https://s3.example.com:9443',
  cidr: '10.4.0.0/24',
  bucket: 'till',
  prefix: 'shop/7',
  region: 'eu-central-1',
  secret: 'till-s3',
};
const prod = render('prod', {
  backups: { s3: S3 },
  shop: { timeZone: 'Europe/Berlin' },
  postgres: { storage: { size: '40Gi', storageClass: 'fast' } },
});
const dev = render('dev', { backups: { s3: { bucket: 'till' } } });
const off = render('prod');

const containerOf = (pod: Workload, name: string): Container =>
  only(
    allContainers(pod).filter((container) => container.name === name),
    `container ${name}`,
  );
const container = (each: Rendered, of: string, name: string): Container =>
  containerOf(workload(each, of), name);

/** What a container sees at which path, of a kind of volume. */
function mounted<T>(
  { pod }: Workload,
  { volumeMounts }: Container,
  what: (volume: Workload['pod']['volumes'][number]) => T | undefined,
): Record<string, T> {
  return Object.fromEntries(
    volumeMounts.flatMap(({ name, mountPath }) => {
      const volume = pod.volumes.find((candidate) => candidate.name === name);
      const found = volume === undefined ? undefined : what(volume);
      return found === undefined ? [] : [[mountPath, found]];
    }),
  );
}
const secretsOf = (pod: Workload, of: Container) =>
  mounted(pod, of, ({ secret }) =>
    secret === undefined
      ? undefined
      : [secret.secretName, ...(secret.items ?? []).map(({ key }) => key)].join(' '),
  );

describe('secrets', () => {
  const bucket = { '/run/secrets/s3': 'till-s3', '/run/secrets/backup-key': 'zakpos-backup-key' };
  const database = {
    '/run/secrets/postgres': 'zakpos-postgres-backup',
    '/run/secrets/postgres-ca': 'zakpos-postgres-tls ca.crt',
  };

  test.each([
    [ARCHIVE, 'receive', database],
    [ARCHIVE, 'upload', bucket],
    [ARCHIVE, 'measure', bucket],
    [ARCHIVE, 'metrics', {}],
    [ARCHIVE, 'rclone', {}],
    [DAILY, 'backup', { ...bucket, ...database }],
    [DAILY, 'rclone', {}],
    [DRILL, 'drill', bucket],
    [DRILL, 'rclone', {}],
  ])('of %s, container %s, are these, where its scripts read them', (of, name, expected) => {
    const pod = workload(prod, of);
    expect(secretsOf(pod, containerOf(pod, name))).toEqual(expected);
  });

  test('are all containers that there are', () => {
    const names = [ARCHIVE, DAILY, DRILL].map((of) =>
      allContainers(workload(prod, of)).map(({ name }) => name),
    );
    expect(names).toEqual([
      ['rclone', 'receive', 'upload', 'measure', 'metrics'],
      ['rclone', 'backup'],
      ['rclone', 'drill'],
    ]);
  });

  test('that scripts read are keys of what is mounted', () => {
    const pod = workload(prod, DAILY);
    const files = containerOf(pod, 'backup').volumeMounts.flatMap(({ name: volume, mountPath }) =>
      pod.pod.volumes
        .filter((candidate) => candidate.name === volume && candidate.secret !== undefined)
        .flatMap((candidate) => shownKeys(prod, candidate).map((key) => `${mountPath}/${key}`)),
    );
    const read = BACKUP_SCRIPTS.flatMap((script) => [
      ...textOf(script).matchAll(/\$SECRETS\/([\w-]+\/[\w.-]+)/g),
    ]).map(([, file]) => `/run/secrets/${String(file)}`);
    expect([...new Set(read)].sort()).toEqual([
      '/run/secrets/backup-key/password',
      '/run/secrets/postgres/password',
      '/run/secrets/postgres/username',
      '/run/secrets/s3/access-key-id',
      '/run/secrets/s3/secret-access-key',
    ]);
    for (const file of read) expect(files).toContain(file);
    expect(textOf('common.sh')).toContain('\nSECRETS=/run/secrets\n');
  });

  test('are in no variable and no argument', () => {
    for (const each of [prod, dev]) {
      for (const { env, envFrom } of [ARCHIVE, DAILY, DRILL].flatMap((of) =>
        allContainers(workload(each, of)),
      )) {
        expect(envFrom).toEqual([]);
        expect(env.filter(({ valueFrom }) => valueFrom !== undefined)).toEqual([]);
      }
    }
    const elsewhere = JSON.stringify(
      dev.objects.filter(({ kind }) => kind !== 'Secret').map(({ raw }) => raw),
    );
    const values = Object.entries(devInput.secrets?.values ?? {});
    expect(values.map(([name]) => name)).toContain('backupKey');
    expect(
      values.filter(([, value]) => elsewhere.includes(defined(value, 'value'))).map(([name]) => name),
    ).toEqual([]);
  });

  test('become files in memory alone', () => {
    for (const name of [ARCHIVE, DAILY, DRILL]) {
      const pod = workload(prod, name);
      for (const each of pod.pod.containers.filter((each) => each.name !== 'metrics')) {
        const folders = mounted(pod, each, ({ emptyDir }) => emptyDir?.medium);
        expect(folders['/run/backup']).toBe('Memory');
      }
    }
    expect(textOf('common.sh')).toContain('\nRUN=/run/backup\n');
    expect(textOf('common.sh')).toMatch(/RCLONE_CONFIG=\$RUN\/\S+ PGPASSFILE=\$RUN\//);
  });

  test('of the operator and the key are needed with backups, and not without', () => {
    const names = (each: Rendered) => knownSecrets(each).map(({ name }) => name);
    expect(names(prod)).toEqual(expect.arrayContaining(['till-s3', 'zakpos-backup-key']));
    for (const name of ['zakpos-backup-s3', 'zakpos-backup-key']) expect(names(off)).not.toContain(name);
  });
});

const textOf = (script: string): string => readFileSync(join(ROOT, 'backup', script), 'utf8');

describe('the way to the database', () => {
  const settings = (each: Rendered, of: string, name: string) => {
    const { env } = container(each, of, name);
    return Object.fromEntries(
      env.filter((variable) => variable.name.startsWith('PG')).map(({ name: key, value }) => [key, value]),
    );
  };

  test.each([
    [ARCHIVE, 'receive'],
    [DAILY, 'backup'],
  ])(
    'of %s, container %s, is checked by its authority where it is encrypted, and plain in dev',
    (of, name) => {
      expect(settings(prod, of, name)).toEqual({
        PGHOST: 'zakpos-postgres',
        PGPORT: '5432',
        PGDATABASE: 'zakpos_db',
        PGSSLMODE: 'verify-full',
        PGSSLROOTCERT: '/run/secrets/postgres-ca/ca.crt',
      });
      expect(settings(dev, of, name)).toEqual({
        PGHOST: 'zakpos-postgres',
        PGPORT: '5432',
        PGDATABASE: 'zakpos_db',
        PGSSLMODE: 'disable',
      });
      const pod = workload(dev, of);
      const secrets = Object.keys(secretsOf(pod, containerOf(pod, name)));
      expect(secrets).toContain('/run/secrets/postgres');
      expect(secrets).not.toContain('/run/secrets/postgres-ca');
    },
  );

  test('is not known to the others', () => {
    for (const [of, name] of [
      [ARCHIVE, 'upload'],
      [ARCHIVE, 'measure'],
      [DRILL, 'drill'],
    ] as const)
      expect(settings(prod, of, name)).not.toHaveProperty('PGHOST');
  });
});

describe('the scripts', () => {
  const RUNS = [
    [ARCHIVE, 'receive', 'receive.sh'],
    [ARCHIVE, 'upload', 'upload.sh'],
    [ARCHIVE, 'measure', 'metrics.sh'],
    [DAILY, 'backup', 'backup.sh'],
    [DRILL, 'drill', 'drill.sh'],
  ] as const;
  const OF_BUCKET = RUNS.filter(([, name]) => name !== 'receive');

  test.each(RUNS)('of %s, container %s, are mounted whole: it runs %s', (of, name, script) => {
    const pod = workload(prod, of);
    const { command, args } = containerOf(pod, name);
    expect([...command, ...args]).toEqual(['bash', `/opt/backup/${script}`]);
    const maps = mounted(pod, containerOf(pod, name), ({ configMap }) => configMap?.name);
    const { data } = only(
      configMaps(prod).filter((map) => map.name === maps['/opt/backup']),
      'ConfigMap of scripts',
    );
    const files = of === DRILL ? RESTORE_SCRIPTS : BACKUP_SCRIPTS;
    expect(data).toEqual(Object.fromEntries(files.map((file) => [file, textOf(file)])));
  });

  /** A script and all that it runs or sources. */
  function withOthers(script: string, seen: readonly string[] = []): string[] {
    const others = [...textOf(script).matchAll(/\$SCRIPTS\/([\w-]+\.\w+)|\/(common\.sh)"/g)]
      .map(([, run, sourced]) => run ?? sourced ?? '')
      .filter((other) => other.endsWith('.sh') && ![script, ...seen].includes(other));
    return [...new Set([script, ...others.flatMap((other) => withOthers(other, [script, ...seen]))])];
  }

  /** Variables that scripts read without any of their own, or another in their place: `set -u` ends them without. */
  function variablesOf(script: string): string[] {
    const text = withOthers(script)
      .map(textOf)
      .join('\n')
      .replaceAll(/^\s*#.*$/gm, '');
    const names = [...text.matchAll(/\$\{?([A-Z][A-Z0-9_]+)(?!\w|[:]?[-+=?])/g)].map(([, name = '']) => name);
    return [...new Set(names)]
      .filter(
        (name) =>
          !new RegExp(
            `(?:^|[\\s(;])${name}=|read -r[^\\n<]* ${name}\\b|IFS=\\S* read -r ${name}\\b`,
            'm',
          ).test(text),
      )
      .filter((name) => name !== 'BASH_SOURCE' && !new RegExp(`\\$\\{${name}:?[-+]`).test(text))
      .sort();
  }

  test.each(OF_BUCKET)('of %s, container %s, find every variable that %s needs', (of, name, script) => {
    const wanted = variablesOf(script);
    expect(wanted).toEqual(expect.arrayContaining(['RCLONE', 'S3_BUCKET', 'S3_CHUNK_SIZE', 'S3_PREFIX']));
    const set = container(prod, of, name).env.map((variable) => variable.name);
    expect(wanted.filter((variable) => !set.includes(variable))).toEqual([]);
  });

  test.each(OF_BUCKET)('of %s, container %s, are told of the bucket', (of, name) => {
    const told = (each: Rendered): (string | undefined)[] =>
      ['S3_ENDPOINT', 'S3_BUCKET', 'S3_PREFIX', 'S3_REGION'].map((variable) =>
        envOf(container(each, of, name), variable),
      );
    expect(told(prod)).toEqual(['https://s3.example.com:9443', 'till', 'shop/7', 'eu-central-1']);
    expect(told(dev)).toEqual(['', 'till', 'zakpos-dev', 'us-east-1']);
  });

  test.each(OF_BUCKET)('of %s, container %s, find rclone where it was copied to', (of, name) => {
    const pod = workload(prod, of);
    const path = defined(envOf(containerOf(pod, name), 'RCLONE'), 'RCLONE');
    const init = containerOf(pod, 'rclone');
    expect(init.image).toBe(prod.config.backups.image);
    expect(init.command.join(' ')).toContain(` ${path}`);
    const folders = [init, containerOf(pod, name)].map(
      ({ volumeMounts }) => volumeMounts.find(({ mountPath }) => mountPath === dirname(path))?.name,
    );
    expect(folders).toEqual(['tools', 'tools']);
  });

  test.each(['1Gi', '20Gi', '156Gi', '157Gi', '1Ti', '5Ti'])(
    'send a backup of a volume of %s in at most 10,000 parts',
    (size) => {
      const own = { storage: { size } };
      const each = render('dev', { backups: { s3: S3, logKept: '128Mi' }, postgres: own });
      const [, mebibytes] =
        /^(\d+)Mi$/.exec(envOf(container(each, DAILY, 'backup'), 'S3_CHUNK_SIZE') ?? '') ?? [];
      expect(Number(mebibytes) * 2 ** 20 * 10_000).toBeGreaterThanOrEqual(toBytes(size));
      // No more than that takes, since several are in memory at a time.
      expect(Number(mebibytes)).toBeLessThanOrEqual(Math.max(16, toBytes(size) / 2 ** 20 / 10_000 + 1));
    },
  );

  test('of backups alone know how long they are kept', () => {
    const kept = (each: Rendered, of = DAILY, name = 'backup') =>
      container(each, of, name)
        .env.filter((variable) => variable.name.startsWith('RETAIN_'))
        .map((variable) => `${variable.name}=${String(variable.value)}`);
    expect(kept(prod)).toEqual([
      'RETAIN_DAILY=7',
      'RETAIN_WEEKLY=4',
      'RETAIN_MONTHLY=6',
      'RETAIN_POINT_IN_TIME=604800',
    ]);
    const own = { pointInTime: '36h', daily: 14, weekly: 8, monthly: 24 };
    expect(kept(render('prod', { backups: { s3: S3, retention: own } }))).toEqual([
      'RETAIN_DAILY=14',
      'RETAIN_WEEKLY=8',
      'RETAIN_MONTHLY=24',
      'RETAIN_POINT_IN_TIME=129600',
    ]);
    expect(kept(prod, ARCHIVE, 'upload')).toEqual([]);
    expect(kept(prod, DRILL, 'drill')).toEqual([]);
  });
});

describe('the archive of the log', () => {
  test('is on a claim, where one container writes to and the other reads from', () => {
    const { claims, pod, replicas } = workload(prod, ARCHIVE);
    const { metadata, spec } = only(claims, 'claim');
    expect(replicas).toBe(1);
    expect(spec.resources.requests.storage).toBe('2Gi');
    const users = pod.containers.flatMap(({ name, volumeMounts }) =>
      volumeMounts
        .filter((mount) => mount.name === metadata.name)
        .map(({ mountPath, readOnly }) => `${name} ${mountPath} ${String(readOnly)}`),
    );
    expect(users).toEqual(['receive /wal false', 'upload /wal false']);
    expect(textOf('receive.sh')).toMatch(/ folder=\/wal\/\$SYSTEM-\$TIMELINE$/m);
    expect(textOf('upload.sh')).toContain('for folder in /wal/*-*/; do');
    expect(ARCHIVE_CLAIM).toBe(`${metadata.name}-${ARCHIVE}-0`);
  });

  test('has a claim of the size and class of the configuration', () => {
    const own = render('prod', { backups: { s3: S3, storage: { size: '9Gi', storageClass: 'slow' } } });
    const [claim] = workload(own, ARCHIVE).claims;
    expect(claim?.spec).toMatchObject({
      storageClassName: 'slow',
      resources: { requests: { storage: '9Gi' } },
    });
  });

  test('serves as metrics what it measures', () => {
    const [, page = ''] = /^PAGE=(\S+)$/m.exec(textOf('metrics.sh')) ?? [];
    const pod = workload(prod, ARCHIVE);
    for (const name of ['measure', 'metrics']) {
      const { volumeMounts } = containerOf(pod, name);
      expect(volumeMounts.find(({ mountPath }) => mountPath === dirname(page))?.name).toBe('metrics');
    }
    const { command, ports, readinessProbe } = containerOf(pod, 'metrics');
    expect(command.slice(-2)).toEqual([':9187', dirname(page)]);
    expect(ports).toEqual([{ name: 'metrics', containerPort: 9187 }]);
    expect(readinessProbe?.httpGet).toMatchObject({
      path: page.slice(dirname(page).length),
      port: 'metrics',
    });
  });
});

/** After which exit codes of a container no other pod is tried. */
const podFailurePolicy = z
  .object({
    rules: z.array(
      z.object({
        action: z.literal('FailJob'),
        onExitCodes: z.object({ operator: z.literal('In'), values: z.array(z.int()) }),
      }),
    ),
  })
  .transform(({ rules }) => rules.flatMap(({ onExitCodes }) => onExitCodes.values));
/** The one of the scripts for what a second try can't mend. */
const [, givenUp] = defined(
  /^give_up\(\) .* exit (\d+); }$/m.exec(readFileSync(join(ROOT, 'backup/common.sh'), 'utf8')) ?? undefined,
  'give_up',
);

const cronJob = z.object({
  spec: z.object({
    schedule: z.string(),
    timeZone: z.string(),
    concurrencyPolicy: z.string(),
    startingDeadlineSeconds: z.int(),
    jobTemplate: z.object({
      spec: z.object({
        backoffLimit: z.int(),
        activeDeadlineSeconds: z.int(),
        podFailurePolicy,
        template: z.object({ spec: z.object({ restartPolicy: z.string() }) }),
      }),
    }),
  }),
});
const cronJobs = (each: Rendered) =>
  new Map(objectsOf(each, 'CronJob').map(({ name, raw }) => [name, cronJob.parse(raw).spec]));

describe('by the clock', () => {
  test("a backup is made each day and a drill each week, in the shop's time zone", () => {
    const jobs = [...cronJobs(prod)].map(([name, { schedule, timeZone }]) => [name, schedule, timeZone]);
    expect(jobs).toEqual([
      [DAILY, '0 3 * * *', 'Europe/Berlin'],
      [DRILL, '0 5 * * 0', 'Europe/Berlin'],
    ]);
    const own = { s3: S3, schedule: '15 */6 * * *', drillSchedule: '0 5 1 * *' };
    expect([...cronJobs(render('prod', { backups: own })).values()].map(({ schedule }) => schedule)).toEqual([
      '15 */6 * * *',
      '0 5 1 * *',
    ]);
  });

  test.each([DAILY, DRILL])('%s never runs twice at a time, is made up for, and ends some day', (name) => {
    const { concurrencyPolicy, startingDeadlineSeconds, jobTemplate } = defined(
      cronJobs(prod).get(name),
      'CronJob',
    );
    expect(concurrencyPolicy).toBe('Forbid');
    // The CronJob controller gives up for good after 100 missed starts, of those within this time.
    expect(startingDeadlineSeconds).toBeGreaterThanOrEqual(3600);
    const { backoffLimit, activeDeadlineSeconds, template, podFailurePolicy } = jobTemplate.spec;
    expect(backoffLimit).toBeGreaterThan(0);
    expect(podFailurePolicy).toEqual([Number(givenUp)]);
    expect(activeDeadlineSeconds).toBe(6 * 3600);
    // A pod of OnFailure is deleted with what it said when its Job fails.
    expect(template.spec.restartPolicy).toBe('Never');
  });

  test('neither makes room for itself where the apps are, but the archive does', () => {
    const priorities = [ARCHIVE, DAILY, DRILL].map((name) => workload(prod, name).pod.priorityClassName);
    expect(priorities).toEqual(['zakpos-stores', 'zakpos-apps', 'zakpos-apps']);
  });
});

describe('a drill', () => {
  test("has a volume that ends with it, of the size and class of the database's, where its server writes", () => {
    const pod = workload(prod, DRILL);
    const drill = containerOf(pod, 'drill');
    const volumes = mounted(pod, drill, ({ ephemeral }) => ephemeral?.volumeClaimTemplate.spec);
    expect(volumes).toEqual({
      '/var/lib/postgresql/data': only(workload(prod, POSTGRES).claims, 'claim').spec,
    });
    expect(dirname(defined(envOf(drill, 'PGDATA'), 'PGDATA'))).toBe('/var/lib/postgresql/data');
    expect(workload(dev, DRILL).pod.volumes.flatMap(({ ephemeral }) => ephemeral ?? [])).toMatchObject([
      { volumeClaimTemplate: { spec: { resources: { requests: { storage: '2Gi' } } } } },
    ]);
  });

  test('can write where a server does beside that', () => {
    const pod = workload(prod, DRILL);
    const folders = mounted(pod, containerOf(pod, 'drill'), ({ emptyDir }) => emptyDir);
    expect(Object.keys(folders)).toEqual(
      expect.arrayContaining(['/var/run/postgresql', '/dev/shm', '/tmp', '/run/backup']),
    );
    expect(pod.pod.securityContext).toMatchObject({ runAsUser: 70, fsGroup: 70 });
  });

  test('and no other workload mounts a claim of another', () => {
    for (const { pod } of workloads(prod))
      expect(pod.volumes.filter(({ persistentVolumeClaim }) => persistentVolumeClaim)).toEqual([]);
  });
});

describe('postgres', () => {
  const kept = (config: Config): string[] =>
    postgresqlConf(config)
      .split('\n')
      .filter((line) => /^(max_slot_wal_keep_size|wal_keep_size|max_wal_senders|wal_level) /.test(line));

  test('keeps log for the archive, up to what is configured', () => {
    expect(kept(prod.config)).toEqual([
      "wal_level = 'replica'",
      'max_slot_wal_keep_size = 2048MB',
      'wal_keep_size = 1024MB',
    ]);
    expect(kept(dev.config)).toEqual([
      "wal_level = 'replica'",
      'max_slot_wal_keep_size = 512MB',
      'wal_keep_size = 256MB',
    ]);
  });

  test('keeps none where there is no archive, and of what a slot that is left holds back, at most a quarter of its volume', () => {
    expect([off.config, configWith('dev')].map(kept)).toEqual(
      [2048, 512].map((most) => ["wal_level = 'replica'", `max_slot_wal_keep_size = ${most}MB`]),
    );
    const small = { postgres: { storage: { size: '1Gi' } } };
    expect(kept(configWith('prod', small))).toContain('max_slot_wal_keep_size = 256MB');
    const operated = configWith('prod', { postgres: { mode: 'cloudnativepg' }, backups: { s3: S3 } });
    expect(kept(operated)).toEqual(["wal_level = 'replica'"]);
  });
});

/** Who may connect to whom, as the policies of the sources say it. */
function edgesFrom(each: Rendered): string[] {
  const nameOf = ({ ipBlock, podSelector, namespaceSelector }: PolicyPeer): string =>
    ipBlock?.cidr ??
    `${namespaceSelector === undefined ? '' : 'other/'}${Object.values(podSelector?.matchLabels ?? {}).join()}`;
  return networkPolicies(each).flatMap(({ spec }) =>
    (spec.egress ?? []).flatMap(({ to, ports }) =>
      to.flatMap((peer) =>
        ports
          .filter(({ protocol }) => protocol === 'TCP')
          .map(
            ({ port }) => `${Object.values(spec.podSelector.matchLabels).join()} -> ${nameOf(peer)}:${port}`,
          ),
      ),
    ),
  );
}
const sources = (each: Rendered, target: string): string[] =>
  edgesFrom(each)
    .filter((edge) => edge.endsWith(` -> ${target}`))
    .map((edge) => edge.replace(/ -> .*/, ''))
    .sort();

describe('the bucket', () => {
  test('is reached by what backs up and restores, and by nothing else', () => {
    expect(sources(prod, '10.4.0.0/24:9443')).toEqual([ARCHIVE, DAILY, RESTORE, DRILL]);
    expect(edgesFrom(prod).filter((edge) => edge.includes('10.4.0.0/24'))).toHaveLength(4);
  });

  test.each([
    ['Amazon', {}, '0.0.0.0/0:443'],
    ['a server by http', { endpoint: 'http://s3.example.com' }, '0.0.0.0/0:80'],
    ['a server by https', { endpoint: 'https://s3.example.com/' }, '0.0.0.0/0:443'],
    [
      'a server on a port of its own',
      { endpoint: 'http://10.4.0.9:7070', cidr: '10.4.0.9/32' },
      '10.4.0.9/32:7070',
    ],
  ])('is at the port and the addresses of %s', (_, s3, target) => {
    const each = render('prod', { backups: { s3: { bucket: 'till', ...s3 } } });
    expect(sources(each, target)).toEqual([ARCHIVE, DAILY, RESTORE, DRILL]);
  });

  test('is all that a drill and a restore reach, but for the DNS; the others reach the database, too', () => {
    const reached = (name: string): string[] =>
      edgesFrom(prod).flatMap((edge) =>
        edge.startsWith(`${name} -> `) ? [edge.slice(name.length + 4)] : [],
      );
    const bucket = ['10.4.0.0/24:9443', 'other/kube-dns:53'];
    expect(reached(DRILL)).toEqual(bucket);
    expect(reached(RESTORE)).toEqual(bucket);
    expect(reached(DAILY)).toEqual(['zakpos-postgres:5432', ...bucket]);
    expect(reached(ARCHIVE)).toEqual(['zakpos-postgres:5432', ...bucket]);
  });

  test('has no way in: nobody connects to what holds its keys', () => {
    for (const { spec } of networkPolicies(prod).filter(({ name }) =>
      [ARCHIVE, DAILY, DRILL, RESTORE].includes(name),
    ))
      expect(spec.ingress).toBeUndefined();
  });

  test.each<[string, Rendered]>([
    ['no bucket', off],
    [
      'an existing database',
      render('prod', {
        postgres: { mode: 'external', external: { host: 'p.example.com', cidr: '10.1.0.0/24' } },
        backups: { s3: S3 },
      }),
    ],
  ])('is reached by nothing where there is %s, and nothing of backups is there', (_, each) => {
    expect(edgesFrom(each).filter((edge) => /10\.4\.0\.0|:9443|-> 0\.0\.0\.0\/0:443/.test(edge))).toEqual([]);
    expect(each.objects.filter(({ name }) => /backup(?!$)|restore|^zakpos-backup$/.test(name))).toEqual([]);
  });

  test("is CloudNativePG's alone where that makes the backups", () => {
    const each = render('prod', { postgres: { mode: 'cloudnativepg' }, backups: { s3: S3 } });
    expect(sources(each, '10.4.0.0/24:9443')).toEqual([POSTGRES]);
    expect(workloads(each).map(({ name }) => name)).not.toContain(ARCHIVE);
  });
});

test('the quota counts the archive, a backup and a drill with its volume', () => {
  const [less, more] = [demandOf(off.config), demandOf(configWith('prod', { backups: { s3: S3 } }))];
  const difference = (field: keyof Demand): number => more[field] - less[field];
  expect(difference('pods')).toBe(3);
  // The log's claim and one as large as the database's.
  expect(difference('storage')).toBe((2 + 20) * 1024);
  expect(difference('memory')).toBe(4 * 32 + 2 * 128);
  expect(difference('memoryLimit')).toBe(4 * 256 + 2 * 512);
  expect(difference('cpu')).toBe(4 * 10 + 2 * 50);
});

describe.each([
  ['a namespace of its own', 'zakpos-restored'],
  ['the live namespace', 'zakpos'],
])('a restore into %s', (_, namespace) => {
  const REQUEST: RestoreRequest = { id: '20261121t103000z' };
  const restored = renderRestore({ ...prod.config, namespace }, REQUEST);
  const live = workload(prod, POSTGRES);
  /** The objects of one of its files. */
  const file = (id: string, of = restored): Rendered => ({
    ...of,
    objects: only(
      of.charts.filter((chart) => chart.id === id),
      `chart ${id}`,
    ).objects,
  });
  const jobOf = (id: string, of = restored): Workload =>
    only(
      workloads(file(id, of)).filter(({ kind }) => kind === 'Job'),
      'Job',
    );
  const job = jobOf('40-restore');
  const main = containerOf(job, 'restore');

  test('is files, of which each has one thing', () => {
    const kinds = ({ objects }: { objects: readonly Manifest[] }) => objects.map(({ kind }) => kind);
    expect(restored.charts.map((chart) => [chart.id, ...new Set(kinds(chart))])).toEqual([
      ['00-namespace', 'Namespace'],
      ['10-plan', 'ConfigMap', 'ServiceAccount', 'Job'],
      ['20-network-policies', 'NetworkPolicy'],
      ['30-claim', 'PersistentVolumeClaim'],
      ['40-restore', 'ConfigMap', 'ServiceAccount', 'Job'],
      ['50-postgres', 'ConfigMap', 'ServiceAccount', 'Service', 'StatefulSet'],
    ]);
    for (const object of restored.objects.filter(({ kind }) => kind !== 'Namespace'))
      expect(object.namespace).toBe(namespace);
  });

  test("writes to the claim that the database's StatefulSet will mount, at the same path", () => {
    const template = only(live.claims, 'claim');
    expect(RESTORE_CLAIM).toBe(`${template.metadata.name}-${live.name}-0`);
    const claims = mounted(job, main, ({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName);
    const [path] = containerOf(live, 'postgres').volumeMounts.filter(
      ({ name }) => name === template.metadata.name,
    );
    expect(claims).toEqual({ [defined(path, 'mount').mountPath]: RESTORE_CLAIM });
    const claim = only(objectsOf(restored, 'PersistentVolumeClaim'), 'claim');
    expect(claim.name).toBe(RESTORE_CLAIM);
    expect(claim.raw).toMatchObject({ spec: template.spec });
  });

  test('puts the files where the server looks for them, as its user', () => {
    expect(envOf(main, 'PGDATA')).toBe(envOf(containerOf(live, 'postgres'), 'PGDATA'));
    expect(job.pod.securityContext).toEqual(live.pod.securityContext);
    expect(main.image).toBe(containerOf(live, 'postgres').image);
    const server = workload(file('50-postgres'), POSTGRES);
    expect(server.claims).toEqual(live.claims);
    expect(containerOf(server, 'postgres').volumeMounts).toEqual(containerOf(live, 'postgres').volumeMounts);
  });

  test('sets the passwords of all roles that the server has, from their Secrets', () => {
    const roles = Object.entries(secretsOf(live, containerOf(live, 'postgres'))).flatMap(([path, secret]) =>
      path.startsWith('/run/secrets/postgres/') ? [[path.replace('postgres', 'roles'), secret] as const] : [],
    );
    expect(roles).toHaveLength(5);
    expect(secretsOf(job, main)).toEqual({
      '/run/secrets/s3': 'till-s3',
      '/run/secrets/backup-key': 'zakpos-backup-key',
      ...Object.fromEntries(roles),
    });
    expect(textOf('restore.sh')).toContain('for folder in $SECRETS/roles/*/; do');
    for (const key of ['username', 'password']) expect(textOf('restore.sh')).toContain(`"$folder/${key}")`);
  });

  test('is admitted, with nobody to reach but the bucket, and no way in', () => {
    for (const id of ['10-plan', '40-restore'])
      expect([...restrictedViolations(restrictedTemplate.parse(jobOf(id).template))]).toEqual([]);
    const { spec } = only(
      networkPolicies(restored).filter(({ name }) => name === RESTORE),
      'policy',
    );
    expect(spec.ingress).toBeUndefined();
    expect(sources(restored, '10.4.0.0/24:9443')).toContain(RESTORE);
    expect(networkPolicies(restored).map(({ name }) => name)).toContain('default-deny');
  });

  test('first shows its plan, with no volume, no passwords, and no more than a backup takes', () => {
    const plan = jobOf('10-plan');
    const container = containerOf(plan, 'restore');
    expect(container.command).toEqual(['bash', '/opt/backup/restore.sh', 'plan']);
    expect(main.command).toEqual(['bash', '/opt/backup/restore.sh', 'restore']);
    expect(plan.pod.volumes.filter(({ persistentVolumeClaim: claim }) => claim)).toEqual([]);
    expect(Object.keys(secretsOf(plan, container))).toEqual(['/run/secrets/s3', '/run/secrets/backup-key']);
    expect(container.resources.limits.memory).toBe(prod.config.backups.resources.limits.memory);
    expect(main.resources.limits.memory).toBe(prod.config.postgres.resources.limits.memory);
  });

  test('tries again, but for what that can not mend, and keeps what a pod said that failed', () => {
    const policy = z.object({
      spec: z.object({
        backoffLimit: z.int(),
        podFailurePolicy,
        template: z.object({ spec: z.object({ restartPolicy: z.string() }) }),
      }),
    });
    const facts = ['10-plan', '40-restore'].map((id) => {
      const { backoffLimit, template, podFailurePolicy } = policy.parse(jobOf(id).raw).spec;
      return [backoffLimit, podFailurePolicy, template.spec.restartPolicy];
    });
    expect(facts).toEqual([
      [0, [Number(givenUp)], 'Never'],
      [3, [Number(givenUp)], 'Never'],
    ]);
  });

  test('is told what was asked for, and is another Job for each of it', () => {
    const of = (request: RestoreRequest) => renderRestore({ ...prod.config, namespace }, request);
    const at = '2026-11-21T10:30:00.000Z';
    const told = jobOf('40-restore', of({ ...REQUEST, at, backup: '20261121T030000Z' }));
    const { env } = containerOf(told, 'restore');
    expect(
      env.filter(({ name }) => name.startsWith('RESTORE_')).map(({ name, value }) => [name, value]),
    ).toEqual([
      ['RESTORE_ID', '20261121t103000z'],
      ['RESTORE_AT', at],
      ['RESTORE_BACKUP', '20261121T030000Z'],
    ]);
    const names = [
      REQUEST,
      { id: '20261121t103001z' },
      { ...REQUEST, at },
      { ...REQUEST, backup: '20261121T030000Z' },
    ].flatMap((request) => ['10-plan', '40-restore'].map((id) => jobOf(id, of(request)).name));
    expect(new Set(names).size).toBe(8);
    expect(jobOf('40-restore', of({ ...REQUEST })).name).toBe(job.name);
  });
});
