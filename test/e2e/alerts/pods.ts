/** Containers that end again and again, nodes that are gone, metrics that are missing. */
import { API, KAFKA, REDIS_EXPORTER, ZOOKEEPER } from '../../../charts/names.ts';
import { calm } from './calm.ts';
import { disk, each, firstOf, NODES, seen, stateOf, type Pod } from './running.ts';
import { GIB, gone, HOUR, series, type Fault, type Values } from './world.ts';

const AT = HOUR;
const api = firstOf(API);

const restarts = (pod: Pod, count: number): Values => ({
  [stateOf(pod, 'kube_pod_container_status_restarts_total')]: count,
});
/** As a kubelet waits longer each time, five minutes at the most; seconds of life between are nothing to that. */
const CRASHES = [0, 0, 1, 2, 4, 6, 11, 16, 21, 26].map((after) => AT + after);
const crashesBy = (minute: number): number => CRASHES.filter((at) => at <= minute).length;

export const POD_FAULTS: readonly Fault[] = [
  {
    alert: 'CrashLooping',
    of: 'a container that ends as soon as it has started',
    from: AT,
    until: AT + 60,
    // The kubelet measures what lives, and this never lives for long.
    world: (minute) => ({
      ...restarts(api, crashesBy(minute)),
      [seen(api, 'container_start_time_seconds')]: undefined,
    }),
    fires: AT + 3,
    ends: AT + 26 + 10,
    labels: { container: 'api' },
    summary: 'A container api in zakpos has been started 4 times anew within 30 minutes.',
  },
  {
    alert: 'OutOfMemory',
    of: 'a container that was killed for its memory once',
    from: AT,
    until: AT + 60,
    world: () => ({
      ...restarts(api, 1),
      [stateOf(api, 'kube_pod_container_status_last_terminated_reason', { reason: 'OOMKilled' })]: 1,
    }),
    fires: AT + 1,
    ends: AT + 10,
    labels: { container: 'api' },
    summary:
      'Within 10 minutes, 1 containers api in zakpos have run out of memory, and they or a process in them was killed.',
  },
  {
    alert: 'OutOfMemory',
    of: 'a process in a container that goes on without it',
    from: AT,
    until: AT + 10,
    world: () => each(API, 'container_oom_events_total', 1, seen),
    fires: AT + 1,
    labels: { container: 'api' },
    summary:
      'Within 10 minutes, 2 containers api in zakpos have run out of memory, and they or a process in them was killed.',
  },
  {
    alert: 'NodeDown',
    of: 'a node that is gone, with a broker and a ZooKeeper',
    from: AT,
    until: AT + 30,
    world: (minute) => ({
      ...gone(calm(minute), /pod="zakpos-(?:kafka|zookeeper)-2"/),
      ...each(KAFKA, 'kafka_under_replicated_partitions', 20),
      ...gone(each(KAFKA, 'kafka_under_replicated_partitions', 20), /kafka-2/),
      ...gone(each(ZOOKEEPER, 'zookeeper_is_leader', 0), /zookeeper-2/),
      [series('up', { job: 'kubelet', metrics_path: '/metrics', node: NODES[2] ?? '' })]: 0,
    }),
    fires: AT + 5,
    // Until what runs there is back as well.
    ends: AT + 30 + 10,
    labels: { node: 'worker3' },
    summary:
      'For 5 minutes, the kubelet of node worker3 has not answered: what runs there, or has its volume there, is away.',
    followedBy: ['BrokerDown', 'KafkaUnderReplicated', 'ZookeeperQuorum'],
  },
  {
    alert: 'NodeDiskFilling',
    of: 'the disk of a node that fills',
    from: AT,
    until: AT + 30,
    world: () => ({ [disk('worker2', 'usage')]: 91 * GIB }),
    fires: AT + 15,
    labels: { node: 'worker2', device: '/dev/vda1' },
    summary:
      'The disk /dev/vda1 of node worker2 is 91% full; from 85 % on, the kubelet may delete images and evict pods.',
  },
  {
    alert: 'MetricsMissing',
    of: 'an exporter that does not answer',
    from: AT,
    until: AT + 30,
    world: () => each(REDIS_EXPORTER, 'up', 0),
    fires: AT + 15,
    labels: { job: 'zakpos/zakpos-redis-exporter' },
    summary:
      'For 15 minutes, 1 of those who tell metrics of zakpos/zakpos-redis-exporter in zakpos have told none: what is wrong there, nobody is told.',
  },
  {
    alert: 'MetricsMissing',
    of: 'kubelets that nobody asks',
    from: AT,
    until: AT + 30,
    world: (minute) => gone(calm(minute), /^container_/),
    fires: AT + 15,
    labels: { job: 'kubelet' },
    summary:
      'For 15 minutes, 1 of those who tell metrics of kubelet in zakpos have told none: what is wrong there, nobody is told.',
  },
];
