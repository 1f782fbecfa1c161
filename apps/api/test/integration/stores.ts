import { execFile, execFileSync } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

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
    const [postgres, redis, kafka] = await Promise.all([freePort(), freePort(), freePort()]);
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
      create('redis', [`${redis}:6379`], [], 'redis:7-alpine'),
      create(
        'zookeeper',
        [],
        ['ZOOKEEPER_CLIENT_PORT=2181', 'ZOOKEEPER_TICK_TIME=2000', 'KAFKA_HEAP_OPTS=-Xmx128m'],
        'confluentinc/cp-zookeeper:7.5.0',
      ),
      create(
        'kafka',
        [`${kafka}:${kafka}`],
        [
          'KAFKA_BROKER_ID=1',
          `KAFKA_ZOOKEEPER_CONNECT=${this.name('zookeeper')}:2181`,
          `KAFKA_LISTENERS=INTERNAL://0.0.0.0:9092,HOST://0.0.0.0:${kafka}`,
          `KAFKA_ADVERTISED_LISTENERS=INTERNAL://${this.name('kafka')}:9092,HOST://127.0.0.1:${kafka}`,
          'KAFKA_LISTENER_SECURITY_PROTOCOL_MAP=INTERNAL:PLAINTEXT,HOST:PLAINTEXT',
          'KAFKA_INTER_BROKER_LISTENER_NAME=INTERNAL',
          'KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR=1',
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
