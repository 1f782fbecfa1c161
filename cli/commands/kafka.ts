/** `npm run kafka`: topics, the records of one as they come, and how far its readers are. */
import type { Config } from '../../environments/schema.ts';
import { readConfig } from '../environment.ts';
import { CliError } from '../errors.ts';
import { followIn, placeIn, runIn, type Place } from '../inside.ts';
import type { Kubectl } from '../kubectl.ts';
import { table } from '../table.ts';
import { targetOf, type TargetOptions } from '../target.ts';

export interface TailOptions extends TargetOptions {
  /** Whether it begins with the oldest record that is there. */
  readonly fromBeginning?: boolean;
  /**
   * Records after which it ends.
   * @default - it goes on until Ctrl-C
   */
  readonly max?: number;
}

/** Lists the topics that clients made or the configuration names. */
export async function topics(options: TargetOptions): Promise<void> {
  const { kubectl, place } = await brokerOf(options);
  const found = await topicsOf(kubectl, place);
  console.log(
    table([
      ['topic', 'partitions', 'copies', 'in sync', 'settings'],
      ...found.map(({ name, partitions, copies, inSync, settings }) => [
        name,
        String(partitions),
        String(copies),
        inSync === partitions ? 'all' : `${inSync} of ${partitions}`,
        settings,
      ]),
    ]),
  );
}

/** Shows who reads what, and how many records are before them; answers the tool's exit code. */
export async function groups(options: TargetOptions): Promise<number> {
  const { kubectl, place } = await brokerOf(options);
  return runIn(kubectl, place, [...TOOL, 'kafka-consumer-groups', '--describe', '--all-groups']);
}

/**
 * Prints a topic's records, one a line, and answers the tool's exit code.
 * @throws {CliError} for a topic that isn't there, which the tool would wait for
 */
export async function tail(topic: string, options: TailOptions): Promise<number> {
  const { config, kubectl, place } = await brokerOf(options);
  if (!config.kafka.topics.some(({ name }) => name === topic)) {
    const names = (await topicsOf(kubectl, place)).map(({ name }) => name);
    if (!names.includes(topic)) {
      throw new CliError(`There is no topic "${topic}".`, `Name one of ${names.join(', ')}.`);
    }
  }
  return followIn(kubectl, place, consumerScript(config), [
    ...['--topic', topic],
    ...(options.fromBeginning === true ? ['--from-beginning'] : []),
    ...(options.max === undefined ? [] : ['--max-messages', String(options.max)]),
  ]);
}

/** A script of the pod: Kafka's tools against its own broker, as an administrator. */
const TOOL = ['bash', '/opt/zakpos/tool.sh'];

/**
 * Reads as an administrator, whom the broker knows by its own certificate, and leaves no group behind. What ends when
 * stdin does would otherwise go on in the pod.
 */
const consumerScript = ({ namespace }: Config): string => `
export KAFKA_OPTS= KAFKA_HEAP_OPTS=-Xmx64m KAFKA_JVM_PERFORMANCE_OPTS='-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto'
admin=/run/kafka/admin.properties
[ ! -f $admin ] || set -- "$@" --consumer.config $admin
exec 3<&0
kafka-console-consumer --bootstrap-server "$HOSTNAME.zakpos-kafka-headless.${namespace}.svc:9093" "$@" 3<&- &
consumer=$!
{ while read -r _ <&3; do :; done; kill $consumer; } >/dev/null 2>&1 &
wait $consumer
code=$?
kill $! 2>/dev/null
exit $code
`;

interface Topic {
  readonly name: string;
  readonly partitions: number;
  readonly copies: number;
  /** Partitions of which each copy is up to date. */
  readonly inSync: number;
  readonly settings: string;
}

async function topicsOf(kubectl: Kubectl, { namespace, pod, container }: Place): Promise<Topic[]> {
  const exec = ['-n', namespace, 'exec', pod, '-c', container, '--'];
  return readTopics(
    await kubectl.run([...exec, ...TOOL, 'kafka-topics', '--describe', '--exclude-internal']),
  );
}

/** What `kafka-topics --describe` prints: a line of each topic, and one of each of its partitions below. */
export function readTopics(output: string): Topic[] {
  const rows = output.split('\n').map(
    (line) =>
      new Map(
        line
          .trim()
          .split('\t')
          .map((field) => /^(\w+): ?(.*)$/.exec(field.trim()) ?? [])
          .map(([, name = '', value = '']) => [name, value] as const),
      ),
  );
  const count = (list = ''): number => list.split(',').length;
  return rows
    .filter((row) => row.has('PartitionCount'))
    .map((row) => {
      const name = row.get('Topic') ?? '';
      const partitions = rows.filter((each) => each.get('Topic') === name && each.has('Partition'));
      return {
        name,
        partitions: Number(row.get('PartitionCount')),
        copies: Number(row.get('ReplicationFactor')),
        inSync: partitions.filter((each) => count(each.get('Isr')) === count(each.get('Replicas'))).length,
        settings: row.get('Configs') ?? '',
      };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A broker to run its tools in. @throws {CliError} that says how to connect, when Kafka is somebody else's */
async function brokerOf(options: TargetOptions) {
  const config = readConfig(options);
  refuseExternal(config);
  const { kubectl, kind } = targetOf(options);
  await kind?.require();
  const place = await placeIn(kubectl, { name: 'zakpos-kafka', namespace: config.namespace });
  return { config, kubectl, place };
}

function refuseExternal({ kafka: { mode, external } }: Config): void {
  if (mode !== 'external' || external === undefined) return;
  const brokers = external.brokers.join(',');
  throw new CliError(
    `Kafka is external, ${brokers}: no pod has its tools.`,
    `From where it can be reached: \`kafka-topics --bootstrap-server ${brokers}${external.sasl || external.tls !== 'disable' ? ' --command-config client.properties' : ''} --list\`${external.sasl ? `; user and password for the file are in the Secret ${external.apiSecret}` : ''}.`,
  );
}
