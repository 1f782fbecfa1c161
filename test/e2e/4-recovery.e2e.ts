import {
  call,
  config,
  eventually,
  inPod,
  killNine,
  kubectl,
  logIn,
  NAMESPACE,
  podOf,
  pods,
  product,
  redis,
  restarted,
  sell,
  sql,
} from './harness.ts';

const kafkaRecords = async (): Promise<number> => {
  const offsets = await inPod(
    'zakpos-kafka-0',
    'KAFKA_HEAP_OPTS=-Xmx128m kafka-get-offsets --bootstrap-server localhost:9092 --topic zakpos.sales 2>/dev/null',
  );
  return offsets.split('\n').reduce((sum, line) => sum + Number(line.split(':')[2] ?? 0), 0);
};

describe.each([
  'zakpos-postgres',
  'zakpos-redis',
  'zakpos-zookeeper',
  'zakpos-kafka',
  'zakpos-api',
  'zakpos-reports',
  'zakpos-web',
  'zakpos-mobile',
])('%s', (workload) => {
  test('comes back with its data after kill -9', async () => {
    const token = await logIn();
    const item = await product(token);
    const sale = await sell(token, item.id);
    // One second is what redis may lose of its append-only file.
    await redis('set e2e:kept yes');
    await eventually('redis has synced its file', 5, async () =>
      (await redis('info persistence')).includes('aof_pending_bio_fsync:0') ? true : undefined,
    );
    const before = await podOf(workload);
    const started = Date.now();

    await killNine(before);
    await eventually(`${workload} is ready again`, 150, () => restarted(before));
    console.log(`${workload}: ready ${((Date.now() - started) / 1000).toFixed(1)} s after kill -9`);

    expect(await sql(`select number from sales where id = '${sale.id}'`)).toEqual([String(sale.number)]);
    expect(await redis('get e2e:kept')).toBe('yes');
    await eventually('a sale goes through', 60, async () => (await sell(await logIn(), item.id)).id);
  });
});

describe('the stores', () => {
  test('keep their data when their pods are deleted', async () => {
    const token = await logIn();
    const item = await product(token);
    const sale = await sell(token, item.id);
    await redis('set e2e:kept still');
    const before = await eventually('the event is in Kafka', 30, async () => {
      const [left] = await sql('select count(*) from outbox');
      return left === '0' ? kafkaRecords() : undefined;
    });

    await kubectl(
      '-n',
      NAMESPACE,
      'delete',
      'pod',
      'zakpos-postgres-0',
      'zakpos-redis-0',
      'zakpos-kafka-0',
      'zakpos-zookeeper-0',
    );
    await eventually('all stores are ready again', 180, async () => {
      const stores = (await pods()).filter(({ name }) => /-(postgres|redis|kafka|zookeeper)-0$/.test(name));
      return stores.length === 4 && stores.every(({ ready }) => ready) ? true : undefined;
    });

    expect(await sql(`select number from sales where id = '${sale.id}'`)).toEqual([String(sale.number)]);
    expect(await redis('get e2e:kept')).toBe('still');
    expect(await kafkaRecords()).toBe(before);
    await eventually('a sale goes through', 60, async () => (await sell(await logIn(), item.id)).id);
  });

  test('lose no event of the sales that were made while Kafka was away', async () => {
    const token = await logIn();
    const item = await product(token);
    const before = await kafkaRecords();
    await kubectl('-n', NAMESPACE, 'scale', 'statefulset/zakpos-kafka', '--replicas=0');
    await kubectl('-n', NAMESPACE, 'wait', '--for=delete', 'pod/zakpos-kafka-0', '--timeout=150s');

    const sales = [];
    try {
      for (let i = 0; i < 5; i++) sales.push(await sell(token, item.id));
      const [waiting] = await sql('select count(*) from outbox');
      expect(Number(waiting)).toBeGreaterThanOrEqual(sales.length);
      const health = await call('/health', { host: 'localhost', port: config.localPorts.api });
      expect(health).toMatchObject({ status: 200, body: { status: 'degraded' } });
    } finally {
      await kubectl('-n', NAMESPACE, 'scale', 'statefulset/zakpos-kafka', '--replicas=1');
    }
    await eventually('the outbox is empty', 150, async () => {
      const [left] = await sql('select count(*) from outbox');
      return left === '0' ? true : undefined;
    });
    expect(await kafkaRecords()).toBeGreaterThanOrEqual(before + sales.length);
    await eventually('the worker has counted every sale once', 60, async () => {
      const [counts] = await sql(
        'select (select coalesce(sum(sales), 0) from sales_hourly), (select count(*) from sales)',
      );
      const [counted, sold] = (counts ?? '').split('|');
      if (counted !== sold) throw new Error(`${counted} of ${sold} sales are counted`);
      return true;
    });
  });
});
