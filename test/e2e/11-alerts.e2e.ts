/**
 * Each alert is told of its fault alone, when it has lasted long enough, until it is over: prod's rules in promtool, the
 * tool of Prometheus itself, over series that are made here, from midnight on.
 */
import { join } from 'node:path';
import { execa } from 'execa';
import { inhibitions } from '../../alerts/inhibitions.ts';
import { only, render, ROOT } from '../manifests.ts';
import { amtool } from './alerts/amtool.ts';
import { APP_FAULTS } from './alerts/apps.ts';
import { BACKUP_FAULTS, firstWeek, podGone, storageDown } from './alerts/backups.ts';
import { calm, calmWith } from './alerts/calm.ts';
import { POD_FAULTS } from './alerts/pods.ts';
import { promtool, groups, rules } from './alerts/promtool.ts';
import { drain, rollout } from './alerts/running.ts';
import { oneFailsAtNight, SALE_FAULTS } from './alerts/sales.ts';
import { SECRET_FAULTS } from './alerts/secrets.ts';
import { STORE_FAULTS, storesAway } from './alerts/stores.ts';
import { VOLUME_FAULTS } from './alerts/volumes.ts';
import { DAY, firedUntil, firingAt, HOUR, over, testOf, type World } from './alerts/world.ts';
import { apply, CONTEXT, kubectl } from './harness.ts';
import { long, longConcurrent } from './long.ts';

const FAULTS = [
  ...SALE_FAULTS,
  ...APP_FAULTS,
  ...STORE_FAULTS,
  ...POD_FAULTS,
  ...SECRET_FAULTS,
  ...BACKUP_FAULTS,
  ...VOLUME_FAULTS,
];

const SUCCESS = [0, expect.stringContaining('SUCCESS')];

test('promtool reads the rules', async () => {
  const [exitCode, said] = await promtool(['check', 'rules', 'rules.yaml']);
  const records = groups.flatMap((group) => group.records);
  expect(said).toContain(`${rules.length + records.length} rules found`);
  expect(exitCode).toBe(0);
});

describe('amtool', () => {
  const secret = { name: 'alert', key: 'value' };
  const webhook = { type: 'webhook', url: 'https://pager.example.com/hook', secret };
  const email = {
    ...{ type: 'email', to: 'shop@example.com', from: 'zakpos@example.com', username: 'zakpos', secret },
    smarthost: 'mail.example.com:587',
  };
  const slack = { type: 'slack', channel: '#till', secret };

  // A URL that is a secret is read from a file since Alertmanager 0.26; the image may stand for an older one.
  test.each([
    ['webhook', webhook],
    ['email', email],
    ['slack', slack],
  ])('reads what is rendered for a %s', async (_, receiver) => {
    const [exitCode, said] = await amtool(
      { page: receiver, ticket: receiver },
      ...['check-config', 'alertmanager.yaml'],
    );
    expect(said).toContain('- 2 receivers');
    expect(said).toMatch(/- [1-9]\d* inhibit rules/);
    expect(exitCode).toBe(0);
  });

  test.each(['page', 'ticket'])('leads a %s to its receiver', async (severity) => {
    const route = ['config', 'routes', 'test', '--config.file=alertmanager.yaml', '--verify.receivers'];
    expect(await amtool({ page: slack, ticket: email }, ...route, severity, `severity=${severity}`)).toEqual([
      0,
      expect.stringContaining(severity),
    ]);
  });
});

test('every alert has a fault', () => {
  expect([...new Set(FAULTS.map(({ alert }) => alert))].sort()).toEqual(rules.map(({ name }) => name).sort());
});

describe('an alert', () => {
  longConcurrent.each(FAULTS.map((fault) => [`${fault.alert} is told of ${fault.of}`, fault] as const))(
    '%s, in time, alone, until it is over',
    async (_, { alert, from, until, world, fires, ends = until, labels, summary, followedBy = [] }) => {
      const { severity, runbook } = only(
        rules.filter(({ name }) => name === alert),
        alert,
      );
      const silenced = inhibitions.filter(({ source }) => source === alert).flatMap(({ targets }) => targets);
      expect(silenced).toEqual(expect.arrayContaining([...followedBy]));

      const own = { namespace: 'zakpos', severity, ...labels };
      // Long enough to see what comes when it is over.
      const later = ends + 30;
      const result = await promtool(
        ['test', 'rules', 'tests.yaml'],
        testOf(
          (minute) => (minute >= from && minute < until ? over(calm(minute), world(minute)) : calm(minute)),
          later,
          {
            alert_rule_test: [
              {
                alertname: alert,
                eval_time: `${fires}m`,
                exp_alerts: [{ exp_labels: own, exp_annotations: { summary, runbook } }],
              },
            ],
            promql_expr_test: [
              firedUntil(fires - 1, []),
              firingAt(fires, alert, [own]),
              firingAt(ends - 1, alert, [own]),
              firingAt(ends, alert, []),
              firedUntil(later, [alert, ...followedBy]),
            ],
          },
        ),
      );
      expect(result).toEqual(SUCCESS);
    },
  );
});

describe('nothing fires', () => {
  const quiet = (world: World, minutes: number) =>
    promtool(
      ['test', 'rules', 'tests.yaml'],
      testOf(world, minutes, { promql_expr_test: [firedUntil(minutes, [])] }),
    );

  long(
    'in ten calm days, in which the pod of the backups moved twice and the bucket owed some answers',
    async () => {
      const world: World = (minute) => {
        if ([2000, 9000].some((at) => minute >= at && minute < at + 10))
          return over(calm(minute), podGone(minute));
        const since = [3000, 7000].find((at) => minute >= at && minute < at + 4);
        return since === undefined ? calm(minute) : over(calm(minute), storageDown(since));
      };
      expect(await quiet(world, 10 * DAY)).toEqual(SUCCESS);
    },
  );

  long('in the first week, though the first backup is a day off and the first drill seven', async () => {
    expect(await quiet((minute) => over(calm(minute), firstWeek(minute)), 9 * DAY)).toEqual(SUCCESS);
  });

  long(
    'while every pod is replaced while sales go on, and PostgreSQL and Redis for less than a minute',
    async () => {
      const world = calmWith(rollout(HOUR));
      const away = (minute: number) => (minute === HOUR ? storesAway() : {});
      expect(await quiet((minute) => over(world(minute), away(minute)), 3 * HOUR)).toEqual(SUCCESS);
    },
  );

  long('while a node is drained for eight minutes', async () => {
    expect(await quiet(calmWith(drain('worker2', HOUR)), 3 * HOUR)).toEqual(SUCCESS);
  });

  long('when a single sale of a quiet night fails', async () => {
    expect(await quiet((minute) => over(calm(minute), oneFailsAtNight(minute)), 20 * HOUR)).toEqual(SUCCESS);
  });
});

test('the API server accepts the rules and the monitors, where the CRDs of the operator are', async () => {
  const crds = ['podmonitors', 'prometheusrules'].map((name) =>
    join(ROOT, `imports/crds/prometheus-operator-${name}.yaml`),
  );
  await apply(...crds);
  await kubectl(
    'wait',
    '--for=condition=Established',
    '--timeout=60s',
    ...crds.flatMap((crd) => ['-f', crd]),
  );
  const { objects } = only(
    render('prod', { monitoring: { mode: 'operator' } }).charts.filter(({ id }) => id === '80-monitoring'),
    'chart',
  );
  const { stdout } = await execa(
    'kubectl',
    ['--context', CONTEXT, 'apply', '--server-side', '--dry-run=server', '-f', '-'],
    { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects.map((object) => object.raw) }) },
  );
  expect(stdout.split('\n').sort()).toEqual(
    objects
      .map(
        ({ kind, name }) =>
          `${kind.toLowerCase()}.monitoring.coreos.com/${name} serverside-applied (server dry run)`,
      )
      .sort(),
  );
});
