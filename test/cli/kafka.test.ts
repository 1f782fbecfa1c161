import { readTopics } from '../../cli/commands/kafka.ts';

const line = (...fields: readonly string[]): string => fields.join('\t');

test('topics are read from what their tool prints, by name', () => {
  const output = [
    line(
      'Topic: zakpos.sales',
      'TopicId: aaa',
      'PartitionCount: 2',
      'ReplicationFactor: 3',
      'Configs: min.insync.replicas=2,cleanup.policy=delete',
    ),
    line('\tTopic: zakpos.sales', 'Partition: 0', 'Leader: 1', 'Replicas: 1,2,0', 'Isr: 1,2,0'),
    line('\tTopic: zakpos.sales', 'Partition: 1', 'Leader: 1', 'Replicas: 2,0,1', 'Isr: 1'),
    line('Topic: orders', 'TopicId: bbb', 'PartitionCount: 1', 'ReplicationFactor: 1', 'Configs: '),
    line('\tTopic: orders', 'Partition: 0', 'Leader: 0', 'Replicas: 0', 'Isr: 0'),
    '',
  ].join('\n');
  expect(readTopics(output)).toEqual([
    { name: 'orders', partitions: 1, copies: 1, inSync: 1, settings: '' },
    {
      name: 'zakpos.sales',
      partitions: 2,
      copies: 3,
      inSync: 1,
      settings: 'min.insync.replicas=2,cleanup.policy=delete',
    },
  ]);
});
