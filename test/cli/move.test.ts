/** A store's claims move without losing anything, wherever the command is cut off and whatever others do meanwhile. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LIST, PACK, UNPACK } from '../../cli/copy-pods.ts';
import { Kubectl } from '../../cli/kubectl.ts';
import { Move } from '../../cli/move.ts';
import {
  describePlan,
  planMove,
  planUnderWay,
  refuseDuringMove,
  type MoveTarget,
} from '../../cli/move-plan.ts';
import type { Store } from '../../cli/stores.ts';
import { defined } from '../manifests.ts';
import { failureOf, quiet, withFastClock, withTools } from './fakes.ts';
import { template, Volumes, type VolumesProps } from './volumes.ts';

quiet();

withFastClock();

const TO_B: MoveTarget = { toNode: 'node-b' };

/** What `npm run move` does. */
async function move(world: Volumes, target: MoveTarget = TO_B, store: Store = world.store): Promise<void> {
  const { kubectl } = world;
  const plan = (await planUnderWay(kubectl, store, target)) ?? (await planMove(kubectl, store, target));
  await new Move(kubectl, plan, 0).run();
}

async function cancel(world: Volumes): Promise<void> {
  const plan = await planUnderWay(world.kubectl, world.store, {});
  await new Move(world.kubectl, defined(plan, 'move'), 0).cancel();
}

/** The store serves from where it should be, with all that it has ever taken, and nothing is left over. */
function expectMoved(world: Volumes, ordinal = 0): void {
  const pod = `${world.store.name}-${ordinal}`;
  expect(world.outages).toEqual([]);
  expect(world.plan).toBeUndefined();
  expect(world.pods.get(pod)).toMatchObject({ node: 'b', ofStore: true });
  expect([...world.pods.values()].every(({ ofStore }) => ofStore)).toBe(true);
  expect([...world.claims.keys()].filter((name) => name.includes('moving'))).toEqual([]);
  for (const { metadata } of world.store.templates) {
    const claim = `${metadata.name}-${pod}`;
    expect(world.volumeOf(claim)).toMatchObject({
      node: 'b',
      policy: 'Delete',
      content: world.sales.get(pod),
    });
  }
  const old = [...world.volumes.values()].filter((volume) => world.volumeOf(volume.claimRef.name) !== volume);
  expect(old.map(({ node, policy }) => ({ node, policy }))).toEqual(
    world.store.templates.map(() => ({ node: 'a', policy: 'Retain' })),
  );
}

const STORES: [string, VolumesProps][] = [
  ['postgres', {}],
  ['one of three brokers', { name: 'zakpos-kafka', replicas: 3 }],
  ['a ZooKeeper with its two claims', { name: 'zakpos-zookeeper', replicas: 3, templates: ['data', 'log'] }],
];
const targetOf = ({ replicas = 1 }: VolumesProps): MoveTarget => ({
  ...TO_B,
  ...(replicas > 1 ? { pod: 0 } : {}),
});

describe.each(STORES)('%s', (_, props) => {
  const target = targetOf(props);

  test('serves from another node with all its data, and the old volume stays', async () => {
    const world = new Volumes(props);
    const others = [...world.pods].filter(([name]) => !name.endsWith('-0'));
    await move(world, target);
    expectMoved(world);
    expect([...world.pods].filter(([name]) => !name.endsWith('-0'))).toEqual(others);
  });

  test('does so when the command is cut off anywhere and run again', async () => {
    const whole = new Volumes(props);
    whole.cutOff({ call: 0, when: 'after' });
    await move(whole, target);
    expect(whole.count).toBeGreaterThan(20);
    for (let call = 1; call <= whole.count; call += 1) {
      for (const when of ['before', 'after'] as const) {
        const world = new Volumes(props);
        world.cutOff({ call, when });
        expect(await failureOf(() => move(world, target))).toBe('cut off');
        world.cutOff({ call: 0, when });
        // Over at the last call is over: there is nothing left to go on with.
        if (world.pods.get(`${world.store.name}-0`)?.node !== 'b' || world.plan !== undefined)
          await move(world, target);
        expectMoved(world);
      }
    }
  });

  test('loses nothing when somebody starts it in between', async () => {
    const whole = new Volumes(props);
    whole.cutOff({ call: 0, when: 'after' });
    await move(whole, target);
    let refused = 0;
    for (let call = 1; call < whole.count; call += 1) {
      const world = new Volumes(props);
      world.cutOff({ call, when: 'after' });
      await failureOf(() => move(world, target));
      world.cutOff({ call: 0, when: 'after' });
      const taken = [...(world.sales.get(`${world.store.name}-0`) ?? [])];
      world.applyByHand();
      const empty = world.outages.length > 0;
      const failure = await failureOf(() => move(world, target));
      if (!empty && failure === 'no error') expectMoved(world);
      else if (!empty) expect(failure).toMatch(/is on node-b already/);
      else {
        // Only where the claims are gone could it start on empty ones; that is seen, and the data is still there.
        refused += 1;
        expect(world.outages.every((each) => each.includes('starts without its data'))).toBe(true);
        expect(failure).toMatch(
          /The claim \S+ is bound to pv-\d+, which this move has not done: somebody else has/,
        );
        const copies = [...world.volumes.values()].filter(({ content }) =>
          content.join().startsWith(taken.join()),
        );
        expect(copies.length).toBeGreaterThanOrEqual(2 * world.store.templates.length);
      }
    }
    expect(refused).toBeGreaterThan(0);
  });

  test('goes back to where it was as long as its claims are the old ones', async () => {
    const whole = new Volumes(props);
    whole.cutOff({ call: 0, when: 'after' });
    await move(whole, target);
    const ends = new Set<string>();
    for (let call = 1; call <= whole.count; call += 1) {
      const world = new Volumes(props);
      world.cutOff({ call, when: 'after' });
      await failureOf(() => move(world, target));
      world.cutOff({ call: 0, when: 'after' });
      if (world.plan === undefined) continue;
      const failure = await failureOf(() => cancel(world));
      const pod = `${world.store.name}-0`;
      if (failure === 'no error') {
        ends.add('back');
        expect(world.outages).toEqual([]);
        expect(world.plan).toBeUndefined();
        expect(world.pods.get(pod)).toMatchObject({ node: 'a', ofStore: true });
        expect(world.volumeOf(`data-${pod}`).content).toEqual(world.sales.get(pod));
      } else {
        ends.add('on');
        expect(failure).toMatch(/There is no way back: the claim data-.* of before is gone/);
        await move(world, target);
        expectMoved(world);
      }
    }
    expect([...ends].sort()).toEqual(['back', 'on']);
  });
});

test('the StatefulSet is what it was, with the size and class of the configuration', async () => {
  const world = new Volumes();
  const store = { ...world.store, templates: [template('data', '5Gi', 'fast')] };
  await move(world, { storageClass: 'fast' }, store);
  expect(world.outages).toEqual([]);
  const { name, namespace, labels } = world.original.metadata;
  expect(world.set?.metadata).toEqual({ name, namespace, labels, annotations: {} });
  expect(world.set?.spec).toEqual({ ...world.original.spec, volumeClaimTemplates: store.templates });
  expect(world.volumeOf('data-zakpos-postgres-0')).toMatchObject({
    node: 'a',
    storageClass: 'fast',
    size: '5Gi',
  });
});

test('what is left is named with the line that removes it', async () => {
  const world = new Volumes();
  const plan = await planMove(world.kubectl, world.store, TO_B);
  expect(describePlan(plan)).toBe(
    'zakpos-postgres-0 moves its data:\n' +
      '  data-zakpos-postgres-0: from volume pv-3 into a new one of 2Gi and class standard on node-b\n' +
      'zakpos-postgres is stopped while its data is copied.\n' +
      'The claim is then deleted and made again around the new volume. The old volume stays, with its data.',
  );
  const moved = new Move(world.kubectl, plan, 0);
  await moved.run();
  expect(await moved.leftovers()).toBe(
    'The old volume pv-3 stays, with its data as it was; ' +
      '`kubectl --context fake patch pv pv-3 -p \'{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}\'` gives it back.',
  );
});

test('a copy that breaks off says so, the store can go back, and the next run copies all of it again', async () => {
  const world = new Volumes();
  world.breaks = 'tar: write error: No space left on device';
  expect(await failureOf(() => move(world))).toBe(
    'data-zakpos-postgres-0 could not be copied: tar: write error: No space left on device\n' +
      '  Mend what it names; the next run copies all of it again.\n' +
      '  zakpos-postgres-0 is stopped. `npm run move -- postgres` goes on from here; `--cancel` goes back, as long as the claims are the old ones.',
  );
  await move(world);
  expectMoved(world);
});

test('a copy that is not the same is never swapped in', async () => {
  const world = new Volumes();
  const failure = await failureOf(async () => {
    const plan = await planMove(world.kubectl, world.store, TO_B);
    const pipe = world.kubectl.pipe.bind(world.kubectl);
    world.kubectl.pipe = async (from, to) => {
      const piped = await pipe(from, to);
      world.volumeOf(defined(plan.claims[0], 'claim').moving).content.push('rot');
      return piped;
    };
    await new Move(world.kubectl, plan, 0).run();
  });
  expect(failure).toMatch(/^The copy of data-zakpos-postgres-0 is not the same: rot\n/);
  expect(world.volumeOf('data-zakpos-postgres-0').node).toBe('a');
});

test('while a move is under way, nothing else is applied, and no other move begins', async () => {
  const world = new Volumes({ name: 'zakpos-kafka', replicas: 3 });
  await refuseDuringMove(world.kubectl, 'zakpos');
  world.breaks = 'cut';
  await failureOf(() => move(world, { ...TO_B, pod: 0 }));
  expect(await failureOf(() => refuseDuringMove(world.kubectl, 'zakpos'))).toBe(
    'A move of zakpos-kafka is under way; nothing was applied.\n' +
      '  Finish it with `npm run move -- kafka`, or give it up with `--cancel`.',
  );
  for (const other of [{ toNode: 'node-c' }, { ...TO_B, pod: 1 }, { ...TO_B, storageClass: 'fast' }]) {
    expect(await failureOf(() => move(world, other))).toBe(
      'Another move of this store is under way: zakpos-kafka-0 to node-b, class standard.\n' +
        '  `npm run move -- kafka` goes on with it, `--cancel` gives it up.',
    );
  }
  await move(world, {});
  expectMoved(world);
});

describe('before anything is touched, it is refused', () => {
  const refusal = async (
    expected: RegExp,
    target: MoveTarget,
    props: VolumesProps = {},
    change: (world: Volumes) => Store | undefined = () => undefined,
  ): Promise<void> => {
    const world = new Volumes(props);
    const store = change(world) ?? world.store;
    expect(await failureOf(() => move(world, target, store))).toMatch(expected);
    const changing = world.kubectl.calls.filter(({ args }) => !args.includes('get'));
    expect(changing).toEqual([]);
  };
  const KAFKA = { name: 'zakpos-kafka', replicas: 3 };

  test('without the number of one of several pods', () =>
    refusal(/^zakpos-kafka has 3 pods, of which none was named\.\n.*--pod 0` up to `--pod 2`/, TO_B, KAFKA));
  test('with a number that there is not', () =>
    refusal(/^zakpos-kafka has 3 pods, of which none is number 3\./, { ...TO_B, pod: 3 }, KAFKA));
  test('when another of them is not ready', () =>
    refusal(
      /^1 of the other pods of zakpos-kafka is not ready, so that none can be spared/,
      { pod: 0 },
      {
        ...KAFKA,
        broken: ['c'],
      },
    ));
  test('to a node that there is not', () =>
    refusal(
      /^There is no node "node-x" that is ready\.\n {2}Name one with --to-node; ready are: node-a, node-b, node-c, node-d\./,
      {
        toNode: 'node-x',
      },
    ));
  test('to a node that is not ready', () =>
    refusal(/^There is no node "node-b" that is ready/, TO_B, { broken: ['b'] }));
  test('to the node of another one that it must be apart from', () =>
    refusal(
      /^zakpos-kafka-1 is on node-b, and pods of zakpos-kafka must be on different nodes/,
      { ...TO_B, pod: 0 },
      {
        ...KAFKA,
        apart: true,
      },
    ));
  test('away from a node that is lost with its volume', () =>
    refusal(
      /^The volume of data-zakpos-postgres-0 is on a, which is not there .*\n.*`npm run restore`/,
      TO_B,
      {
        broken: ['a'],
      },
    ));
  test('to a class that the configuration does not have', () =>
    refusal(/^The configuration has storageClass standard for data-zakpos-postgres-0, not fast\./, {
      storageClass: 'fast',
    }));
  test('to a class that there is not', () =>
    refusal(/^There is no StorageClass slow for .*\n {2}There are: standard, fast;/, TO_B, {}, (world) => ({
      ...world.store,
      templates: [template('data', '2Gi', 'slow')],
    })));
  test('to where it is', () =>
    refusal(
      /^zakpos-postgres-0 is on node-a already, with its claims in the size and class of the configuration\./,
      {},
    ));
  test('when there is no StatefulSet', () =>
    refusal(/^There is no StatefulSet zakpos-postgres in the namespace zakpos\./, TO_B, {}, (world) => {
      world.set = undefined;
      return undefined;
    }));
  test('when the configuration has other claims', () =>
    refusal(
      /^zakpos-postgres has the claims data in the cluster and data, log in the configuration\./,
      TO_B,
      {},
      (world) => ({
        ...world.store,
        templates: [template('data'), template('log')],
      }),
    ));
});

describe('the scripts that copy', () => {
  let folder: string;
  const at = (...path: string[]): string => join(folder, ...path);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'zakpos-copy-'));
    for (const name of ['from', 'to']) mkdirSync(at(name, 'lost+found'), { recursive: true });
    mkdirSync(at('from', 'pgdata', 'empty'), { recursive: true });
    chmodSync(at('from', 'pgdata'), 0o700);
    writeFileSync(at('from', 'pgdata', 'a file'), 'data', { mode: 0o600 });
    writeFileSync(at('from', '.hidden'), '');
    writeFileSync(at('from', 'lost+found', 'secret'), '');
    writeFileSync(at('to', 'stale'), 'of a copy that broke off');
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const sh = (script: string, path: string, input?: Buffer) => {
    const { status, stdout, stderr } = spawnSync('sh', ['-c', script, 'sh', path], { input });
    expect([status, stderr.toString()]).toEqual([0, '']);
    return stdout;
  };
  const list = (name: string): string => sh(LIST, at(name)).toString();

  test('leave exactly what there was, with its modes, but for what belongs to the file system', () => {
    sh(UNPACK, at('to'), sh(PACK, at('from')));
    expect(readdirSync(at('to')).sort()).toEqual(['.hidden', 'lost+found', 'pgdata']);
    expect(readdirSync(at('to', 'lost+found'))).toEqual([]);
    expect(readdirSync(at('to', 'pgdata')).sort()).toEqual(['a file', 'empty']);
    expect(readFileSync(at('to', 'pgdata', 'a file'), 'utf8')).toBe('data');
    expect(statSync(at('to', 'pgdata')).mode & 0o777).toBe(0o700);
    expect(list('to')).toBe(list('from'));
  });

  test('copy nothing of what holds nothing', () => {
    for (const name of ['.hidden', 'pgdata']) rmSync(at('from', name), { recursive: true });
    sh(UNPACK, at('to'), sh(PACK, at('from')));
    expect(readdirSync(at('to'))).toEqual(['lost+found']);
    expect(list('to')).toBe('');
  });

  test.each([
    [
      'a byte',
      () => {
        writeFileSync(at('to', 'pgdata', 'a file'), 'dat4');
      },
    ],
    [
      'a mode',
      () => {
        chmodSync(at('to', 'pgdata', 'a file'), 0o640);
      },
    ],
    [
      'an empty folder',
      () => {
        rmSync(at('to', 'pgdata', 'empty'), { recursive: true });
      },
    ],
    [
      'a file too many',
      () => {
        writeFileSync(at('to', 'pgdata', 'more'), '');
      },
    ],
  ])('tell when %s is different', (_, change) => {
    sh(UNPACK, at('to'), sh(PACK, at('from')));
    change();
    expect(list('to')).not.toBe(list('from'));
  });
});

describe('what is copied goes from one call of kubectl into another', () => {
  const kubectl = `case "$4" in
    give) /usr/bin/head -c 3000000 /dev/zero;;
    take) /usr/bin/wc -c > "$5";;
    fail) echo "no such pod" >&2; echo $$ > "$5"; exit 1;;
    late) until [ -s "$5" ]; do :; done
      read -r taker < "$5"
      while kill -0 "$taker" 2> /dev/null; do :; done
      /usr/bin/head -c 3000000 /dev/zero;;
  esac`;
  const taken = join(tmpdir(), 'zakpos-taken');
  const pipe = (from: string, to: string, onBytes?: (total: number) => void) =>
    withTools({ kubectl }, () =>
      new Kubectl('shop').pipe(['exec', from, taken], ['exec', to, taken], onBytes),
    );
  afterEach(() => {
    rmSync(taken, { force: true });
  });

  test('whole, and is counted', async () => {
    let bytes = 0;
    const piped = await pipe('give', 'take', (total) => {
      bytes = total;
    });
    expect(piped).toMatchObject({ ok: true, stderr: '' });
    expect(Number(readFileSync(taken, 'utf8'))).toBe(3_000_000);
    expect(bytes).toBe(3_000_000);
  });

  test.each([
    ['fail', 'take'],
    ['give', 'fail'],
    ['late', 'fail'],
  ])('and has failed when either fails: %s to %s', async (from, to) => {
    expect(await pipe(from, to)).toMatchObject({ ok: false, stderr: 'no such pod' });
  });
});
