/** Rules that span the fields of the bundled monitoring. */
import { isBundled, SEVERITIES, type Receiver } from '../monitoring.ts';
import { agentsNamespace } from '../namespaces.ts';
import { toBytes } from '../quantities.ts';
import type { Config } from '../schema.ts';
import type { Violation } from './rules.ts';

export function* monitoringViolations(config: Config): Generator<Violation> {
  if (!isBundled(config)) return;
  const { prometheus, alertmanager, logs } = config.monitoring.bundled;
  const own = (...path: readonly string[]): string[] => ['monitoring', 'bundled', ...path];

  // The log of what came last isn't counted by Prometheus until it is written into blocks.
  if (toBytes(prometheus.retention.size) > 0.8 * toBytes(prometheus.storage.size)) {
    yield {
      path: own('prometheus', 'retention', 'size'),
      expected: `at most four fifths of monitoring.bundled.prometheus.storage.size (${prometheus.storage.size}), since Prometheus writes before it deletes`,
    };
  }
  if (logs.enabled && [config.namespace, config.systemNamespace].includes(agentsNamespace(config))) {
    yield {
      path: own('logs', 'namespace'),
      expected: 'a namespace of its own: pods in it may read folders of their nodes',
    };
  }
  for (const severity of SEVERITIES) {
    for (const { path, expected } of receiverViolations(alertmanager.receivers[severity])) {
      yield { path: own('alertmanager', 'receivers', severity, ...path), expected };
    }
  }
  const isReal = config.environment === 'prod' || config.environment === 'cloud';
  if (isReal && alertmanager.receivers.page.type === 'none') {
    yield {
      path: own('alertmanager', 'receivers', 'page', 'type'),
      expected: 'webhook, email or slack: else nobody is told when somebody has to act',
    };
  }
}

/** Fields that a receiver has only by some types. */
const OF_TYPES = {
  url: ['webhook'],
  secret: ['webhook', 'slack', 'email'],
  channel: ['slack'],
  to: ['email'],
  from: ['email'],
  smarthost: ['email'],
  username: ['email'],
} as const satisfies Partial<Record<keyof Receiver, readonly Receiver['type'][]>>;

function* receiverViolations(receiver: Receiver): Generator<Violation> {
  for (const [field, types] of Object.entries(OF_TYPES)) {
    const known: readonly Receiver['type'][] = types;
    if (new Map(Object.entries(receiver)).get(field) !== undefined && !known.includes(receiver.type)) {
      yield { path: [field], expected: `to be left out with type ${receiver.type}` };
    }
  }
  const { type, url, secret, username } = receiver;
  if (type === 'webhook' && url === undefined && secret === undefined) {
    yield { path: ['url'], expected: 'the URL of the webhook, or a secret that holds it' };
  }
  if (type === 'slack' && secret === undefined) {
    yield {
      path: ['secret'],
      expected: "name and key of the Secret with the URL of Slack's incoming webhook",
    };
  }
  if (type !== 'email') return;
  for (const field of ['to', 'from', 'smarthost'] as const) {
    if (receiver[field] === undefined) yield { path: [field], expected: 'a value, since type is email' };
  }
  if ((username === undefined) !== (secret === undefined)) {
    yield username === undefined
      ? { path: ['username'], expected: 'the user whose password the secret holds' }
      : { path: ['secret'], expected: `name and key of the Secret with the password of ${username}` };
  }
}
