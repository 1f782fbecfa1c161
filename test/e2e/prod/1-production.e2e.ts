import { execa } from 'execa';
import { z } from 'zod';
import { neededSecrets } from '../../../environments/secrets.ts';
import {
  CLUSTER,
  config,
  CONTEXT,
  ENVIRONMENT,
  inPod,
  kubectl,
  NAMESPACE,
  podOf,
  pods,
  ROOT,
  secretValue,
  tryKubectl,
  zakpos,
} from '../harness.ts';

const placedPods = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), labels: z.record(z.string(), z.string()).default({}) }),
      spec: z.object({ nodeName: z.string(), priority: z.number() }),
    }),
  ),
});

async function placed() {
  const { stdout } = await kubectl('-n', NAMESPACE, 'get', 'pods', '-o', 'json');
  return placedPods.parse(JSON.parse(stdout)).items.map(({ metadata, spec }) => ({
    workload: metadata.labels['app.kubernetes.io/name'] ?? '',
    node: spec.nodeName,
    priority: spec.priority,
  }));
}

/** One of Kafka's tools, as an administrator. */
const kafkaTool = (command: string): Promise<string> =>
  inPod('zakpos-kafka-0', `bash /opt/zakpos/tool.sh ${command}`);

describe('prod on three workers', () => {
  test('changes nothing when it is applied again', async () => {
    const again = await zakpos('up', ['--env', ENVIRONMENT]);
    expect(again.exitCode).toBe(0);
    expect(again.all).toMatch(/Apply: 0 created, 0 changed, \d+ unchanged/);
  });

  test.each(['zakpos-kafka', 'zakpos-zookeeper'])('has each %s on a node of its own', async (workload) => {
    const nodes = (await placed()).filter((pod) => pod.workload === workload).map(({ node }) => node);
    expect(new Set(nodes).size).toBe(3);
  });

  test('lets stores outlive apps', async () => {
    const priorities = new Map((await placed()).map(({ workload, priority }) => [workload, priority]));
    const lowestStore = Math.min(
      ...['postgres', 'redis', 'zookeeper', 'kafka'].map((name) => priorities.get(`zakpos-${name}`) ?? 0),
    );
    for (const app of ['api', 'reports', 'web', 'mobile']) {
      expect(priorities.get(`zakpos-${app}`)).toBeGreaterThan(0);
      expect(priorities.get(`zakpos-${app}`)).toBeLessThan(lowestStore);
    }
  });

  test('keeps three copies of each partition, on three racks that are its nodes', async () => {
    const described = await kafkaTool('kafka-topics --describe');
    const partitions = described.split('\n').filter((line) => line.includes('\tPartition: '));
    expect(partitions.length).toBeGreaterThanOrEqual(7);
    for (const line of partitions) {
      const [, replicas = '', inSync = ''] = /Replicas: ([\d,]+)\s+Isr: ([\d,]+)/.exec(line) ?? [];
      expect(replicas.split(',').sort()).toEqual(['0', '1', '2']);
      expect(inSync.split(',').sort()).toEqual(['0', '1', '2']);
    }
    const zookeeper = 'zakpos-zookeeper:2181';
    const racks = await Promise.all(
      [0, 1, 2].map((id) =>
        inPod(
          `zakpos-kafka-${id}`,
          `KAFKA_OPTS= KAFKA_HEAP_OPTS=-Xmx64m zookeeper-shell ${zookeeper} get /brokers/ids/${id} 2>/dev/null | grep -o '"rack":"[^"]*"'`,
        ),
      ),
    );
    const nodes = (await placed()).filter(({ workload }) => workload === 'zakpos-kafka');
    expect(racks.map((rack) => rack.trim()).sort()).toEqual(
      nodes.map(({ node }) => `"rack":"${node}"`).sort(),
    );
  });

  test('stays within its quota', async () => {
    const { stdout } = await kubectl('-n', NAMESPACE, 'get', 'resourcequota', 'zakpos', '-o', 'json');
    const quota = z
      .object({
        status: z.object({ hard: z.record(z.string(), z.string()), used: z.record(z.string(), z.string()) }),
      })
      .parse(JSON.parse(stdout));
    console.log(`quota: ${JSON.stringify(quota.status.used)} of ${JSON.stringify(quota.status.hard)}`);
    expect(quota.status.used['services.nodeports']).toBe('0');
    expect(Number(quota.status.used.pods)).toBeLessThanOrEqual(Number(quota.status.hard.pods));
  });
});

describe('no secret', () => {
  test('is in a manifest', async () => {
    for (const { name, keys } of neededSecrets(config)) {
      for (const [key, value] of Object.entries(keys)) {
        if (value.kind !== 'secret') continue;
        const text = await secretValue(name, key);
        expect(text.length).toBeGreaterThanOrEqual(value.minimum);
        const found = await execa('grep', ['-rlF', '--', text, process.env.CDK8S_OUTDIR ?? 'dist'], {
          cwd: ROOT,
          reject: false,
        });
        expect(found.stdout).toBe('');
      }
    }
  });

  test("is in an environment variable or an argument of a pod's processes", async () => {
    const secret = await secretValue('zakpos-postgres-app', 'password');
    for (const { name, workload } of await pods()) {
      if (workload === 'zakpos-kafka-topics') continue;
      const seen = await inPod(
        name,
        "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' || true",
      );
      expect(seen.includes(secret)).toBe(false);
    }
  });
});

describe('connections in the cluster', () => {
  test('to postgres are refused without TLS', async () => {
    const password = await secretValue('zakpos-postgres-app', 'password');
    const user = await secretValue('zakpos-postgres-app', 'username');
    const logIn = (mode: string) =>
      execa(
        'kubectl',
        [
          ...['--context', CONTEXT, '-n', NAMESPACE, 'exec', '-i', 'zakpos-postgres-0', '--', 'sh', '-c'],
          `read -r PGPASSWORD; export PGPASSWORD PGSSLROOTCERT=/run/secrets/tls/ca.crt; psql "host=zakpos-postgres hostaddr=127.0.0.1 user=${user} dbname=zakpos_db sslmode=${mode}" -Atc 'select ssl from pg_stat_ssl where pid = pg_backend_pid()'`,
        ],
        { input: `${password}\n`, reject: false, all: true },
      );
    expect((await logIn('verify-full')).all).toBe('t');
    expect((await logIn('disable')).all).toContain('no encryption');
  });

  test('of the API to postgres are all encrypted', async () => {
    const rows = await inPod(
      'zakpos-postgres-0',
      'psql -U postgres -d zakpos_db -Atc "select application_name, bool_and(ssl) from pg_stat_ssl join pg_stat_activity using (pid) where client_addr is not null group by 1"',
    );
    expect(rows).toContain('zakpos-api|t');
    expect(rows).not.toContain('|f');
  });

  test('to redis are refused without TLS', async () => {
    const plain = await tryKubectl(
      ...['-n', NAMESPACE, 'exec', 'zakpos-redis-0', '--', 'sh', '-c'],
      'redis-cli -h localhost ping 2>&1; exit 0',
    );
    expect(plain.all).not.toContain('PONG');
    expect(await inPod('zakpos-redis-0', 'sh /usr/local/etc/redis/cli.sh ping')).toBe('PONG');
  });

  /** Does something in Kafka from a pod of the API or the worker, with the login that it has; tells how it went. */
  async function inKafkaAs(
    workload: string,
    action: string,
    login: Record<string, string> = {},
  ): Promise<string> {
    const { name } = await podOf(workload);
    const script = `
      import { readFileSync } from 'node:fs';
      import { Admin, Consumer, Producer, stringSerializers } from '@platformatic/kafka';
      const file = (name) => readFileSync(process.env[name], 'utf8').trim();
      const sasl = { mechanism: 'SCRAM-SHA-512', username: file('KAFKA_SASL_USERNAME_FILE'), password: file('KAFKA_SASL_PASSWORD_FILE'), ...${JSON.stringify(login)} };
      const options = { clientId: 'e2e', bootstrapBrokers: [process.env.KAFKA_BROKERS], retries: 0, tls: { ca: readFileSync(process.env.KAFKA_SSL_CA_FILE) }, sasl };
      const produce = (topic) => new Producer({ ...options, serializers: stringSerializers }).send({ messages: [{ topic, key: 'e2e', value: 'e2e' }] });
      const consume = (topic, groupId) => new Consumer({ ...options, groupId, autocommit: false }).consume({ topics: [topic] });
      // A topic is made by the controller, which a broker may know late: the client asks again when told that it moved.
      const create = (topic) => new Admin({ ...options, retries: 3 }).createTopics({ topics: [topic], partitions: 1, replicas: 3 });
      const words = (error) => [error.message, error.apiId, ...(error.errors ?? []).map(words), error.cause ? words(error.cause) : ''].join(' ');
      const silence = setTimeout(() => { console.log('no answer'); process.exit(); }, 20000);
      ${action}.then(() => 'done', words).then((said) => { console.log(said); process.exit(); });`;
    const { stdout } = await execa(
      'kubectl',
      ['--context', CONTEXT, '-n', NAMESPACE, 'exec', '-i', name, '--', 'node', '--input-type=module', '-'],
      { input: script },
    );
    return stdout;
  }

  test.each([
    ['zakpos-api', "produce('zakpos.products')", /^done/],
    ['zakpos-api', "produce('zakpos.sales.dlq')", /authoriz/i],
    ['zakpos-api', "consume('zakpos.sales', 'zakpos-reports')", /authoriz/i],
    ['zakpos-api', "create('e2e')", /authoriz/i],
    ['zakpos-reports', "produce('zakpos.sales')", /authoriz/i],
    ['zakpos-reports', "consume('zakpos.sales', 'somebody-else')", /authoriz/i],
    ['zakpos-reports', "produce('zakpos.sales.dlq')", /^done/],
  ])('to Kafka let %s do what its ACLs say: %s', async (workload, action, said) => {
    expect(await inKafkaAs(workload, action)).toMatch(said);
  });

  test('to Kafka are refused with a wrong password', async () => {
    const wrong = { password: 'wrong-password-of-e2e' };
    expect(await inKafkaAs('zakpos-api', "produce('zakpos.products')", wrong)).toMatch(/authentication/i);
  });
});

describe('accidents', () => {
  const failing = async (values: Readonly<Record<string, unknown>>): Promise<string> => {
    const before = await kubectl(
      '-n',
      NAMESPACE,
      'get',
      'deployments,statefulsets',
      '-o',
      'jsonpath={.items[*].metadata.generation}',
    );
    const up = await zakpos('up', ['--env', ENVIRONMENT], { values });
    expect(up.exitCode).toBe(1);
    const after = await kubectl(
      '-n',
      NAMESPACE,
      'get',
      'deployments,statefulsets',
      '-o',
      'jsonpath={.items[*].metadata.generation}',
    );
    expect(after.stdout).toBe(before.stdout);
    return up.all;
  };

  test('a claim of another size is named before anything is applied, with the recipe', async () => {
    const said = await failing({ postgres: { storage: { size: '30Gi' } } });
    expect(said).toContain(
      'StatefulSet zakpos-postgres: volumeClaimTemplates.data.size is "20Gi" in the cluster and would become "30Gi"',
    );
    expect(said).toContain('`npm run resize -- postgres --env prod');
  });

  test('a Secret that lacks a key is named before anything is applied', async () => {
    await kubectl('-n', NAMESPACE, 'get', 'secret', 'zakpos-jwt');
    const { stdout: kept } = await kubectl('-n', NAMESPACE, 'get', 'secret', 'zakpos-jwt', '-o', 'json');
    await kubectl(
      '-n',
      NAMESPACE,
      'patch',
      'secret',
      'zakpos-jwt',
      '--type=json',
      '-p',
      '[{"op":"remove","path":"/data/secret"}]',
    );
    try {
      expect(await failing({})).toContain('Secret zakpos-jwt lacks the key "secret" (used by zakpos-api)');
    } finally {
      const { data } = z.object({ data: z.record(z.string(), z.string()) }).parse(JSON.parse(kept));
      await kubectl(
        '-n',
        NAMESPACE,
        'patch',
        'secret',
        'zakpos-jwt',
        '--type=merge',
        '-p',
        JSON.stringify({ data }),
      );
    }
  });

  test.each([
    [
      'one broker for three copies',
      { kafka: { replicas: 1 } },
      'kafka.replicationFactor: is 3, expected at most kafka.replicas',
    ],
    ['two ZooKeepers', { zookeeper: { replicas: 2 } }, 'zookeeper.replicas: is 2, expected an odd number'],
    [
      'a budget that blocks every drain',
      { api: { minAvailable: 2 } },
      'api.minAvailable: is 2, expected less than the 2 pods that there are at least',
    ],
    [
      'a minimum above the maximum',
      { web: { autoscaling: { minReplicas: 5 } } },
      'web.autoscaling.minReplicas: is 5, expected at most web.autoscaling.maxReplicas (4)',
    ],
    ['requests beyond the quota', { quota: { cpu: '2' } }, 'quota.cpu: is "2", expected at least the '],
    [
      'more pods than connections',
      {
        api: { autoscaling: { maxReplicas: 20 } },
        quota: { cpu: '40', memory: '80Gi', memoryLimit: '90Gi' },
      },
      'expected such that all pods fit into postgres.maxConnections (100)',
    ],
  ])('%s is refused by name', async (_title, values, said) => {
    expect(await failing(values)).toContain(said);
  });

  test('the suites are about the cluster that they made', () => {
    expect(CONTEXT).toBe(`kind-${CLUSTER}`);
  });
});

/** What the waivers in charts/waivers.ts say. */
describe('a waiver', () => {
  const podWith = (name: string, container: object): string =>
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: NAMESPACE },
      spec: {
        restartPolicy: 'Never',
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, runAsUser: 1001, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [
          {
            name: 'main',
            command: ['true'],
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
            ...container,
          },
        ],
      },
    });
  const apiImage = async (): Promise<string> =>
    (
      await kubectl(
        '-n',
        NAMESPACE,
        'get',
        'deployment',
        'zakpos-api',
        '-o',
        'jsonpath={.spec.template.spec.containers[0].image}',
      )
    ).stdout;
  const run = async (name: string, container: object, until: string): Promise<void> => {
    await execa('kubectl', ['--context', CONTEXT, 'apply', '-f', '-'], { input: podWith(name, container) });
    try {
      await kubectl('-n', NAMESPACE, 'wait', `pod/${name}`, `--for=jsonpath=${until}`, '--timeout=120s');
    } finally {
      await kubectl('-n', NAMESPACE, 'delete', 'pod', name, '--wait=false');
    }
  };

  test('of the pull policy: Always asks a registry for an image that the node has, and starts nothing without it', async () => {
    const image = await apiImage();
    await run('pulls-if-missing', { image, imagePullPolicy: 'IfNotPresent' }, '{.status.phase}=Succeeded');
    await run(
      'pulls-always',
      { image, imagePullPolicy: 'Always' },
      '{.status.containerStatuses[0].state.waiting.reason}=ErrImagePull',
    );
  });

  test('of the digest: a loaded image has none', async () => {
    const { stdout } = await execa('docker', [
      'image',
      'inspect',
      '--format',
      '{{len .RepoDigests}}',
      await apiImage(),
    ]);
    expect(stdout).toBe('0');
  });

  test('of the uid: another one can not read the data on the volume', async () => {
    const owner = await inPod('zakpos-postgres-0', 'stat -c "%u %a" /var/lib/postgresql/data/pgdata');
    expect(owner.trim()).toBe('70 700');
  });
});
