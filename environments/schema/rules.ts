/** Rules that span fields. */
import { hasBackups } from '../backups.ts';
import { cpuToMillicores, toBytes } from '../quantities.ts';
import { demandOf, mostPods } from '../demand.ts';
import { neededSecrets } from '../secrets.ts';
import { monitoringViolations } from './monitoring-rules.ts';
import { WORKER_POOL_SIZE } from './stores.ts';
import type { Config } from '../schema.ts';

/** A rule that spans fields: where it is broken, the value there and what is expected. */
export interface Violation {
  readonly path: readonly string[];
  readonly expected: string;
}

/** PostgreSQL writes its log in segments of 16 MiB, and lets go of whole ones. */
const LEAST_LOG_KEPT = '64Mi';

export function* crossFieldViolations(config: Config): Generator<Violation> {
  const { kafka, zookeeper, postgres, redis, api, secrets, backups } = config;

  for (const [name, store] of [['kafka', kafka] as const, ['zookeeper', zookeeper] as const]) {
    if (toBytes(store.heap) > 0.75 * toBytes(store.resources.limits.memory)) {
      yield {
        path: [name, 'resources', 'limits', 'memory'],
        expected: `more than the heap of ${store.heap} by a third at least, or a smaller ${name}.heap`,
      };
    }
  }
  if (toBytes(redis.maxMemory) > 0.75 * toBytes(redis.resources.limits.memory)) {
    yield {
      path: ['redis', 'maxMemory'],
      expected: `at most three quarters of redis.resources.limits.memory (${redis.resources.limits.memory}), since rewriting the append-only file needs the rest`,
    };
  }

  if (postgres.mode !== 'external' && /^(postgres|template[01])$/.test(postgres.database)) {
    yield {
      path: ['postgres', 'database'],
      expected: 'another name than postgres, template0 and template1, which every server has for itself',
    };
  }
  if (hasBackups(config)) {
    const path = ['backups', 'logKept'];
    if (toBytes(backups.logKept) < toBytes(LEAST_LOG_KEPT)) {
      yield {
        path,
        expected: `at least ${LEAST_LOG_KEPT}, four segments of the log, so that an archive that restarts misses none`,
      };
    }
    if (toBytes(backups.logKept) > toBytes(postgres.storage.size) / 4) {
      yield {
        path,
        expected: `at most a quarter of postgres.storage.size (${postgres.storage.size}), so that an archive that is away can't fill the volume`,
      };
    }
  }

  if (kafka.mode === 'statefulset' && kafka.replicationFactor > kafka.replicas) {
    yield {
      path: ['kafka', 'replicationFactor'],
      expected: `at most kafka.replicas (${kafka.replicas} brokers)`,
    };
  }
  if (kafka.minInSyncReplicas > kafka.replicationFactor) {
    yield {
      path: ['kafka', 'minInSyncReplicas'],
      expected: `at most kafka.replicationFactor (${kafka.replicationFactor})`,
    };
  }
  const names = kafka.topics.map((t) => t.name);
  const twice = names.findIndex((name, i) => names.indexOf(name) !== i);
  if (twice !== -1) {
    yield { path: ['kafka', 'topics', String(twice), 'name'], expected: 'a name that no other topic has' };
  }

  if (api.prefix === 'metrics') {
    yield {
      path: ['api', 'prefix'],
      expected: 'another one: the API tells its metrics there, which are for nobody outside',
    };
  }
  for (const name of ['api', 'web', 'mobile'] as const) {
    const { image, build } = config[name];
    if (image !== undefined && build !== undefined) {
      yield {
        path: [name, 'build'],
        expected: `to be left out beside ${name}.image (${image}): one of the two`,
      };
    }
  }
  for (const name of ['api', 'web'] as const) {
    const { autoscaling, minAvailable, replicas } = config[name];
    if (autoscaling.enabled && autoscaling.minReplicas > autoscaling.maxReplicas) {
      yield {
        path: [name, 'autoscaling', 'minReplicas'],
        expected: `at most ${name}.autoscaling.maxReplicas (${autoscaling.maxReplicas})`,
      };
    }
    const least = autoscaling.enabled ? autoscaling.minReplicas : replicas;
    if (minAvailable !== undefined && minAvailable >= least) {
      yield {
        path: [name, 'minAvailable'],
        expected: `less than the ${least} pods that there are at least, or no node could ever be drained`,
      };
    }
  }

  const { allowed, taken, reserved } = connectionsOf(config);
  if (taken + reserved > allowed) {
    yield {
      path: ['api', 'databasePoolSize'],
      expected: `such that all pods fit into postgres.maxConnections (${allowed}): they take ${taken} at the most and ${reserved} are kept free; or postgres.pooler.enabled`,
    };
  }

  if (config.quota.enabled) {
    const demand = demandOf(config);
    for (const [field, sum, unit] of [
      ['cpu', demand.cpu, 'm'],
      ['memory', demand.memory, 'Mi'],
      ['memoryLimit', demand.memoryLimit, 'Mi'],
      ['storage', demand.storage, 'Mi'],
    ] as const) {
      const quota = config.quota[field];
      const limit = field === 'cpu' ? cpuToMillicores(quota) : toBytes(quota) / 2 ** 20;
      if (sum > limit) {
        yield {
          path: ['quota', field],
          expected: `at least the ${sum}${unit} that all pods take at the most, those of a command among them`,
        };
      }
    }
    if (demand.pods > config.quota.pods) {
      yield {
        path: ['quota', 'pods'],
        expected: `at least the ${demand.pods} that there are at the most, those of a command among them`,
      };
    }
  }

  for (const [name, store] of Object.entries({ postgres, redis, kafka })) {
    if (store.mode === 'external' && store.external === undefined) {
      yield { path: [name, 'external'], expected: 'host and port of the server, since mode is external' };
    }
  }

  if (config.ingress.api === 'gateway' && config.addons.traefik.enabled) {
    yield { path: ['ingress', 'api'], expected: '"ingress": this project\'s own Traefik has no Gateway' };
  }
  if (config.size === 'single' && config.environment !== 'prod' && config.environment !== 'cloud') {
    yield { path: ['size'], expected: '"cluster": dev and test have sizes of their own' };
  }
  if (config.localStores) {
    const path = ['localStores'];
    if (config.environment !== 'dev') {
      yield { path, expected: 'false: only dev opens its stores to the machine that it runs on' };
    }
    if (config.certificates.source !== 'none') {
      yield {
        path,
        expected: `false beside certificates.source "${config.certificates.source}": no certificate has the name localhost`,
      };
    }
    if (kafka.mode === 'statefulset' && kafka.replicas > 1) {
      yield {
        path,
        expected: `false beside kafka.replicas ${kafka.replicas}: one port of the machine stands for one broker`,
      };
    }
  }
  if (config.environment !== 'dev') {
    if (secrets.source === 'literal') {
      yield { path: ['secrets', 'source'], expected: '"cluster": only dev writes secrets into manifests' };
    }
    for (const name of Object.keys(secrets.values)) {
      yield {
        path: ['secrets', 'values', name],
        expected: 'to be left out: only dev writes secrets into manifests',
      };
    }
    if (api.openRegistration) {
      yield { path: ['api', 'openRegistration'], expected: 'false: only dev lets anyone register' };
    }
    for (const app of ['api', 'web', 'mobile'] as const) {
      if (config[app].sources === 'mounted') {
        yield { path: [app, 'sources'], expected: '"image": only dev runs what is in a checkout' };
      }
    }
  }
  if (
    config.environment === 'dev' &&
    secrets.source === 'literal' &&
    config.kafka.mode === 'external' &&
    config.kafka.external?.sasl === true
  ) {
    yield {
      path: ['kafka', 'external', 'sasl'],
      expected: 'false beside literal secrets, which have none for the users of Kafka',
    };
  }
  const secretNames = neededSecrets(config).map(({ name }) => name);
  const shared = secretNames.find((name, i) => secretNames.indexOf(name) !== i);
  if (shared !== undefined) {
    yield { path: ['secrets'], expected: `Secrets of different names: two are named ${shared}` };
  }
  if (secrets.source === 'literal' && config.certificates.source !== 'none') {
    yield {
      path: ['certificates', 'source'],
      expected: '"none" beside literal secrets, which have none for what certificates bring with them',
    };
  }
  if (secrets.source === 'literal' && (secrets.values.jwtSecret?.length ?? 0) < 32) {
    yield { path: ['secrets', 'values', 'jwtSecret'], expected: 'at least 32 characters' };
  }
  yield* monitoringViolations(config);
}

/** Connections that the server allows, that pods take at the most, and that migrations and people need. */
function connectionsOf(config: Config) {
  const { postgres, api, reports } = config;
  const reserved = 10;
  const apps =
    mostPods(api) * api.databasePoolSize + (reports.enabled ? mostPods(reports) : 0) * WORKER_POOL_SIZE;
  return {
    allowed: postgres.mode === 'external' ? Infinity : postgres.maxConnections,
    taken: postgres.pooler.enabled ? mostPods(postgres.pooler) * postgres.pooler.poolSize : apps,
    reserved,
  };
}
