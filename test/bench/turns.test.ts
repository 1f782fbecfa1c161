import { spreadOf } from '../../bench/statistics.ts';
import { isMet, measure } from '../../bench/turns.ts';
import { Unavailable, type Figure, type Side } from '../../bench/work.ts';

const quiet = (): void => undefined;

/** A side whose turns read one number after the other, and that notes when it was its turn. */
function side(name: string, readings: readonly number[], turns: string[] = []): Side<'seconds'> {
  const left = [...readings];
  return {
    name,
    run: () => {
      turns.push(name);
      return Promise.resolve({ seconds: left.shift() ?? NaN });
    },
    cleanUp: () => {
      turns.push(`${name} is over`);
      return Promise.resolve();
    },
  };
}

const figure = (goals: Figure<'seconds'>['goals'] = []): Figure<'seconds'> => ({
  ...{ id: 'work', title: 'a work', reading: 'seconds', unit: 's' },
  goals,
});

test('the median of an even number of readings is between the two in the middle', () => {
  expect(spreadOf([4, 1, 3, 2])).toEqual({ median: 2.5, low: 1, high: 4, rounds: 4 });
  expect(() => spreadOf([])).toThrow('A spread needs a reading');
});

test('sides take turns, every second round backwards, and are cleaned up', async () => {
  const turns: string[] = [];
  const sides = [side('a', [1, 2], turns), side('b', [3, 4], turns)];
  await measure({ id: 'work', what: 'Work', rounds: 2, sides, figures: [figure()] }, quiet);
  expect(turns).toEqual(['a', 'b', 'b', 'a', 'a is over', 'b is over']);
});

test('a goal is met or missed by the ratio of the medians, or by our own', async () => {
  const [row] = await measure(
    {
      ...{ id: 'work', what: 'Work', rounds: 3 },
      sides: [side('a', [1, 2, 9]), side('b', [4, 4, 5])],
      figures: [
        figure([
          { than: 'b', bound: 'at most', value: 0.5 },
          { bound: 'at most', value: 1.9 },
          { bound: 'at least', value: 2 },
        ]),
      ],
    },
    quiet,
  );
  expect(row?.verdicts.map(({ got }) => got)).toEqual([0.5, 2, 2]);
  expect(row?.verdicts.map(isMet)).toEqual([true, false, true]);
});

test('a side that is unavailable has its reason in the row, and no goal is met or missed by it', async () => {
  const away = { ...side('b', []), prepare: () => Promise.reject(new Unavailable('no b here')) };
  const goals = [{ than: 'b', bound: 'at most', value: 0.5 }] as const;
  const [row] = await measure(
    { id: 'work', what: 'Work', rounds: 1, sides: [side('a', [1]), away], figures: [figure(goals)] },
    quiet,
  );
  expect(row?.outcomes[1]).toEqual({ name: 'b', why: 'no b here' });
  expect(row?.verdicts.map(isMet)).toEqual([undefined]);
});

test('a side that fails ends the work, and all are cleaned up', async () => {
  const turns: string[] = [];
  const failing = { ...side('b', [], turns), run: () => Promise.reject(new Error('b broke')) };
  const sides = [side('a', [1], turns), failing];
  await expect(
    measure({ id: 'work', what: 'Work', rounds: 1, sides, figures: [figure()] }, quiet),
  ).rejects.toThrow('b broke');
  expect(turns).toEqual(['a', 'a is over', 'b is over']);
});

test('a goal that names no side is an error of whoever wrote it', async () => {
  const goals = [{ than: 'c', bound: 'at most', value: 1 }] as const;
  await expect(
    measure(
      { id: 'work', what: 'Work', rounds: 1, sides: [side('a', [1])], figures: [figure(goals)] },
      quiet,
    ),
  ).rejects.toThrow('No side is called "c"');
});
