import { createServer, type Server } from 'node:http';
import { alertGroups } from '../../../alerts/groups.ts';
import { alerts } from '../../../cli/verify/alerts.ts';
import { configWith } from '../../manifests.ts';
import { contextOf, LINE, named, told } from './world.ts';

const operator = configWith('prod', { monitoring: { mode: 'operator' } });
const bundled = configWith('dev', { monitoring: { mode: 'bundled' } });
const namesOf = (config: typeof operator): string[] =>
  alertGroups(config).flatMap(({ rules }) => rules.map(({ name }) => name));

test('are off where monitoring is, which is a doubt in production', async () => {
  expect(await alerts.run(contextOf([]), LINE)).toEqual({
    state: 'skipped',
    words: 'off: monitoring.mode is none',
    findings: [],
  });
  const verdict = await alerts.run(contextOf([], { config: configWith('prod') }), LINE);
  expect([verdict.state, ...told(verdict)]).toEqual([
    'warned',
    'Monitoring of prod is off: nobody is told of anything',
  ]);
});

describe('of an operator', () => {
  const objects = [{ kind: 'PodMonitor', metadata: { name: 'zakpos-api', namespace: 'zakpos' } }];
  const judge = (rules: readonly string[], monitor: string) =>
    alerts.run(
      contextOf(
        [
          [/get prometheusrules/, { spec: { groups: [{ rules: rules.map((alert) => ({ alert })) }] } }],
          [/get podmonitors/, named(monitor)],
        ],
        { config: operator, objects },
      ),
      LINE,
    );

  test('pass when its objects are there', async () => {
    expect((await judge(namesOf(operator), 'zakpos-api')).state).toBe('passed');
  });

  test('fail when an alert or a monitor is missing', async () => {
    const [first = '', ...others] = namesOf(operator);
    const verdict = await judge(others, 'other');
    expect([verdict.state, ...told(verdict)]).toEqual([
      'failed',
      `PrometheusRule zakpos lacks 1 alert: ${first}`,
      'PodMonitor zakpos-api is missing: nobody asks for its metrics',
    ]);
  });
});

describe('of the bundled Prometheus', () => {
  let server: Server;
  let url: string;
  let said: Record<string, object>;
  const rule = (name: string, own: object = {}) => ({
    type: 'alerting',
    name,
    health: 'ok',
    state: 'inactive',
    ...own,
  });
  const rules = (all: readonly object[]) => ({ data: { groups: [{ rules: all }] } });

  beforeAll(async () => {
    server = createServer((request, response) => {
      const name = /^\/api\/v1\/(\w+)/.exec(request.url ?? '')?.[1] ?? '';
      response.end(JSON.stringify(said[name]));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    url = `http://127.0.0.1:${address.port}`;
  });
  afterAll(() => {
    server.close();
  });
  beforeEach(() => {
    said = {
      rules: rules(namesOf(bundled).map((name) => rule(name))),
      targets: { data: { activeTargets: [{ labels: { pod: 'zakpos-api-1' }, health: 'up' }] } },
      alertmanagers: { data: { activeAlertmanagers: [{}] } },
    };
  });
  const judge = () =>
    alerts.run(contextOf([[/port-forward pod\/zakpos-prometheus-0 :9090/, url]], { config: bundled }), LINE);

  test('are armed when all are loaded, with a doubt since nobody is told in dev', async () => {
    const verdict = await judge();
    expect([verdict.state, ...told(verdict)]).toEqual([
      'warned',
      'Alerts of severity page are sent to nobody',
      'Alerts of severity ticket are sent to nobody',
    ]);
  });

  test('fail for what is not loaded, not judged, not asked or not sent', async () => {
    const [first = '', second = '', ...others] = namesOf(bundled);
    said = {
      rules: rules([
        rule(second, { health: 'err', lastError: 'many-to-many' }),
        ...others.map((name) => rule(name)),
      ]),
      targets: {
        data: { activeTargets: [{ labels: { pod: 'zakpos-api-1' }, health: 'down', lastError: 'timeout' }] },
      },
      alertmanagers: { data: { activeAlertmanagers: [] } },
    };
    const verdict = await judge();
    expect(verdict.state).toBe('failed');
    expect(told(verdict).slice(0, 4)).toEqual([
      `Prometheus lacks 1 alert: ${first}`,
      `Alert ${second} can't be judged: many-to-many`,
      'Metrics of zakpos-api-1 are not told to Prometheus: timeout',
      'Prometheus knows no Alertmanager: its alerts reach nobody',
    ]);
  });

  test('warn of what fires', async () => {
    said.rules = rules(namesOf(bundled).map((name, i) => rule(name, i === 0 ? { state: 'firing' } : {})));
    expect(told(await judge())[0]).toBe(`Alert ${namesOf(bundled)[0] ?? ''} is firing now`);
  });
});
