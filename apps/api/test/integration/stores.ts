import { execFile, execFileSync } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Ports inside the containers that only some tests use: `addressOf` says where they are published. */
export const KAFKA_LOGIN_PORT = 9094;
export const REDIS_TLS_PORT = 6380;

export interface Stores {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly kafkaBrokers: string;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}

async function docker(...args: string[]): Promise<string> {
  const { stdout } = await run('docker', args);
  return stdout;
}

/** The stores in containers of their own. Ports are fixed, so that a store comes back where it was. */
export class StoreContainers {
  private readonly network: string;

  constructor(private readonly prefix = `zakpos-api-test-${process.pid}`) {
    this.network = `${prefix}-net`;
  }

  name(store: string): string {
    return `${this.prefix}-${store}`;
  }

  async start(): Promise<Stores> {
    const [postgres, redis, redisTls, kafka, kafkaLogin] = await Promise.all([
      freePort(),
      freePort(),
      freePort(),
      freePort(),
      freePort(),
    ]);
    await docker('network', 'create', this.network);
    const create = (
      store: string,
      publish: readonly string[],
      environment: readonly string[],
      image: string,
    ) =>
      docker(
        ...[
          'run',
          '--detach',
          '--restart',
          'on-failure',
          '--name',
          this.name(store),
          '--network',
          this.network,
        ],
        ...publish.flatMap((each) => ['--publish', `127.0.0.1:${each}`]),
        ...environment.flatMap((each) => ['--env', each]),
        image,
      );
    await Promise.all([
      create(
        'postgres',
        [`${postgres}:5432`],
        ['POSTGRES_USER=zakpos_owner', 'POSTGRES_PASSWORD=owner-password', 'POSTGRES_DB=zakpos_db'],
        'postgres:16-alpine',
      ),
      create('redis', [`${redis}:6379`, `${redisTls}:${REDIS_TLS_PORT}`], [], 'redis:7-alpine'),
      create(
        'zookeeper',
        [],
        ['ZOOKEEPER_CLIENT_PORT=2181', 'ZOOKEEPER_TICK_TIME=2000', 'KAFKA_HEAP_OPTS=-Xmx128m'],
        'confluentinc/cp-zookeeper:7.5.0',
      ),
      create(
        'kafka',
        [`${kafka}:${kafka}`, `${kafkaLogin}:${KAFKA_LOGIN_PORT}`],
        [
          'KAFKA_BROKER_ID=1',
          `KAFKA_ZOOKEEPER_CONNECT=${this.name('zookeeper')}:2181`,
          `KAFKA_LISTENERS=INTERNAL://0.0.0.0:9092,HOST://0.0.0.0:${kafka},LOGIN://0.0.0.0:${KAFKA_LOGIN_PORT}`,
          `KAFKA_ADVERTISED_LISTENERS=INTERNAL://${this.name('kafka')}:9092,HOST://127.0.0.1:${kafka},LOGIN://127.0.0.1:${kafkaLogin}`,
          'KAFKA_LISTENER_SECURITY_PROTOCOL_MAP=INTERNAL:PLAINTEXT,HOST:PLAINTEXT,LOGIN:SASL_PLAINTEXT',
          'KAFKA_LISTENER_NAME_LOGIN_SASL_ENABLED_MECHANISMS=SCRAM-SHA-512',
          'KAFKA_LISTENER_NAME_LOGIN_SCRAM___SHA___512_SASL_JAAS_CONFIG=org.apache.kafka.common.security.scram.ScramLoginModule required;',
          'KAFKA_INTER_BROKER_LISTENER_NAME=INTERNAL',
          'KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR=1',
          // 50 by default, which a busy machine makes for longer than the first consumer waits.
          'KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS=1',
          'KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS=0',
          'KAFKA_AUTO_CREATE_TOPICS_ENABLE=false',
          // A killed broker can't register again before its old session has ended.
          'KAFKA_ZOOKEEPER_SESSION_TIMEOUT_MS=6000',
          'KAFKA_HEAP_OPTS=-Xmx384m',
        ],
        'confluentinc/cp-kafka:7.5.0',
      ),
    ]);
    await this.waitForKafka();
    return {
      databaseUrl: `postgresql://zakpos_owner:owner-password@127.0.0.1:${postgres}/zakpos_db`,
      redisUrl: `redis://127.0.0.1:${redis}`,
      kafkaBrokers: `127.0.0.1:${kafka}`,
    };
  }

  /** Also right in a handler of the process' end, which can't wait for promises. */
  remove(): void {
    const names = ['postgres', 'redis', 'kafka', 'zookeeper'].map((store) => this.name(store));
    for (const args of [
      ['rm', '--force', '--volumes', ...names],
      ['network', 'rm', this.network],
    ]) {
      try {
        execFileSync('docker', args, { stdio: 'ignore' });
      } catch {
        continue;
      }
    }
  }

  async kill(store: string): Promise<void> {
    await docker('kill', this.name(store));
  }

  async restart(store: string): Promise<void> {
    await docker('start', this.name(store));
    if (store === 'kafka') await this.waitForKafka();
  }

  /** A store that neither answers nor closes its connections. */
  async freeze(store: string): Promise<void> {
    await docker('pause', this.name(store));
  }

  async thaw(store: string): Promise<void> {
    await docker('unpause', this.name(store));
  }

  /** host:port where a container's port is published. */
  async addressOf(store: string, port: number): Promise<string> {
    return (await docker('port', this.name(store), `${port}/tcp`)).trim();
  }

  async setKafkaPassword(username: string, password: string): Promise<void> {
    await this.alterKafkaUser(username, '--add-config', `SCRAM-SHA-512=[password=${password}]`);
  }

  async removeKafkaUser(username: string): Promise<void> {
    await this.alterKafkaUser(username, '--delete-config', 'SCRAM-SHA-512');
  }

  /** PostgreSQL takes TLS on its port as well, Redis on REDIS_TLS_PORT. */
  async serveTls({ certificate, key }: { certificate: string; key: string }): Promise<void> {
    const data = '/var/lib/postgresql/data';
    await Promise.all(
      [
        ['postgres', data, 'postgres'],
        ['redis', '/data', 'redis'],
      ].map(async ([store = '', folder = '', user = '']) => {
        const name = this.name(store);
        await docker('cp', certificate, `${name}:${folder}/server.crt`);
        await docker('cp', key, `${name}:${folder}/server.key`);
        const files = [`${folder}/server.crt`, `${folder}/server.key`];
        await docker('exec', '--user', 'root', name, 'chown', user, ...files);
        await docker('exec', '--user', 'root', name, 'chmod', '600', ...files);
      }),
    );
    const psql = ['psql', '--quiet', '--username=zakpos_owner', '--dbname=zakpos_db'];
    const enable = ['--command=alter system set ssl = on', '--command=select pg_reload_conf()'];
    await docker('exec', this.name('postgres'), ...psql, ...enable);
    const files = ['tls-cert-file', '/data/server.crt', 'tls-key-file', '/data/server.key'];
    const settings = [...files, 'tls-auth-clients', 'no', 'tls-port', String(REDIS_TLS_PORT)];
    const answer = await docker('exec', this.name('redis'), 'redis-cli', 'config', 'set', ...settings);
    if (answer.trim() !== 'OK') throw new Error(`Redis: ${answer}`);
  }

  private async alterKafkaUser(username: string, ...change: readonly string[]): Promise<void> {
    const where = ['--bootstrap-server', `${this.name('kafka')}:9092`];
    const user = ['--entity-type', 'users', '--entity-name', username];
    await docker('exec', this.name('kafka'), 'kafka-configs', ...where, '--alter', ...user, ...change);
  }

  private async waitForKafka(): Promise<void> {
    const since = new Date().toISOString();
    for (let attempt = 0; attempt < 120; attempt += 1) {
      const logs = await docker('logs', '--since', since, this.name('kafka'));
      if (logs.includes('started (kafka.server.KafkaServer)')) return;
      await sleep(500);
    }
    throw new Error('Kafka did not start within a minute');
  }
}
