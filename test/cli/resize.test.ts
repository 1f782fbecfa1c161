/** Claims grow to what the configuration says, under the same pods; what can't be is refused before anything changes. */
import { grow } from '../../cli/commands/resize.ts';
import type { Store } from '../../cli/stores.ts';
import { defined } from '../manifests.ts';
import { failureOf, withFastClock } from './fakes.ts';
import { template, Volumes, type VolumesProps } from './volumes.ts';

withFastClock();

const notes: string[] = [];
const LINE = { note: (text: string): void => void notes.push(text), rename: (): void => undefined };

/** A cluster whose claims are of a class, and the configuration with another size. */
function cluster(size: string, storageClass = 'fast', props: VolumesProps = {}) {
  const world = new Volumes(props);
  for (const [name, claim] of world.claims) world.claims.set(name, { ...claim, storageClass });
  const templates = world.store.templates.map(({ metadata }) => template(metadata.name, size));
  const store: Store = { ...world.store, templates };
  const run = (seconds = 0): Promise<string> => grow(world.kubectl, store, seconds, LINE);
  return { world, run };
}
const changes = ({ kubectl }: Volumes): string[] =>
  kubectl.calls.filter(({ args }) => !args.includes('get')).map(({ args }) => args.join(' '));
const pods = (world: Volumes): [string, number][] => [...world.pods].map(([name, { uid }]) => [name, uid]);

test('each claim gets the size, and the StatefulSet is made anew around its pods', async () => {
  const { world, run } = cluster('4Gi', 'fast', { name: 'zakpos-kafka', replicas: 3 });
  const before = pods(world);
  expect(await run()).toBe(
    'data-zakpos-kafka-0 has 4Gi, data-zakpos-kafka-1 has 4Gi, data-zakpos-kafka-2 has 4Gi, the StatefulSet was made anew around its pods',
  );
  expect([...world.claims.values()].map(({ capacity }) => capacity)).toEqual(['4Gi', '4Gi', '4Gi']);
  expect(world.set?.spec.volumeClaimTemplates[0]?.spec.resources.requests.storage).toBe('4Gi');
  expect(world.set?.spec.template).toEqual(world.original.spec.template);
  expect(pods(world)).toEqual(before);
  expect(world.outages).toEqual([]);
  expect(changes(world)).toEqual([
    ...[0, 1, 2].map(
      (ordinal) =>
        `-n zakpos patch pvc data-zakpos-kafka-${ordinal} --type=merge -p {"spec":{"resources":{"requests":{"storage":"4Gi"}}}}`,
    ),
    '-n zakpos delete statefulset zakpos-kafka --cascade=orphan --ignore-not-found',
    'apply --server-side --force-conflicts --validate=false -f -',
  ]);
});

test('a claim of a pod that there is not now grows, too, and nobody waits for it', async () => {
  const { world, run } = cluster('4Gi', 'fast', { name: 'zakpos-kafka', replicas: 1 });
  world.claims.set('data-zakpos-kafka-1', {
    ...defined(world.claims.get('data-zakpos-kafka-0'), 'claim'),
    volume: undefined,
    bound: false,
  });
  world.grows = false;
  const first = defined(world.claims.get('data-zakpos-kafka-0'), 'claim');
  world.claims.set('data-zakpos-kafka-0', { ...first, size: '4Gi', capacity: '4Gi' });
  expect(await run()).toMatch(/^data-zakpos-kafka-1 has 4Gi, /);
});

test('a run that was cut off is finished by the next one', async () => {
  const whole = cluster('4Gi');
  whole.world.cutOff({ call: 0, when: 'after' });
  await whole.run();
  for (let call = 1; call <= whole.world.count; call += 1) {
    const { world, run } = cluster('4Gi');
    world.cutOff({ call, when: 'after' });
    expect(await failureOf(run)).toBe('cut off');
    world.cutOff({ call: 0, when: 'after' });
    if (world.set === undefined) {
      // The next `up` makes it, with the size that the claim has got.
      expect(await failureOf(run)).toMatch(
        /^There is no StatefulSet zakpos-postgres .*\n {2}`npm run up` makes it/,
      );
      expect(world.claims.get('data-zakpos-postgres-0')?.capacity).toBe('4Gi');
      continue;
    }
    await run();
    expect(world.set.spec.volumeClaimTemplates[0]?.spec.resources.requests.storage).toBe('4Gi');
    expect(world.claims.get('data-zakpos-postgres-0')?.capacity).toBe('4Gi');
    expect(world.outages).toEqual([]);
  }
});

test('there is nothing to do where every claim has its size, however it is written', async () => {
  const { world, run } = cluster('2048Mi');
  expect(await run()).toBe('every claim has the size of the configuration');
  expect(changes(world)).toEqual([]);
});

describe('nothing is changed', () => {
  test('where a claim would shrink', async () => {
    const { world, run } = cluster('1Gi');
    expect(await failureOf(run)).toBe(
      "data-zakpos-postgres-0 has 2Gi, and the configuration says 1Gi: a claim can't shrink. Nothing was changed.\n" +
        '  Put the old size back; or `npm run move -- postgres` copies the data into a smaller claim, if it fits.',
    );
    expect(changes(world)).toEqual([]);
  });

  test('where the class lets no claim grow, as on kind', async () => {
    const { world, run } = cluster('4Gi', 'standard');
    expect(await failureOf(run)).toMatch(
      /^data-zakpos-postgres-0 is of the StorageClass standard \(rancher\.io\/local-path\), whose claims can't grow\. Nothing was changed\.\n {2}`npm run move -- postgres` copies the data into a new claim of 4Gi, /,
    );
    expect(changes(world)).toEqual([]);
  });

  test('where the class is gone', async () => {
    const { world, run } = cluster('4Gi', 'gone');
    expect(await failureOf(run)).toMatch(
      /^data-zakpos-postgres-0 has no StorageClass "gone" in the cluster\. Nothing/,
    );
    expect(changes(world)).toEqual([]);
  });

  test('where there is no StatefulSet', async () => {
    const { world, run } = cluster('4Gi');
    world.set = undefined;
    expect(await failureOf(run)).toMatch(/^There is no StatefulSet zakpos-postgres/);
    expect(changes(world)).toEqual([]);
  });
});

test('a volume that does not grow in time is named with what the cluster says, and its StatefulSet stays', async () => {
  const { world, run } = cluster('4Gi');
  world.grows = false;
  expect(await failureOf(run)).toBe(
    'data-zakpos-postgres-0 has 2Gi (Resizing: the disk is asked for) after 0 s.\n' +
      '  `kubectl --context fake -n zakpos describe pvc data-zakpos-postgres-0` tells more; run the same command again, it goes on waiting.',
  );
  expect(world.set).toBe(world.original);
});
