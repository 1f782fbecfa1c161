import type { Construct } from 'constructs';
import { toMebibytes, toSeconds } from '../environments/quantities.ts';
import type { Config } from '../environments/schema.ts';
import { ConfigFiles } from '../lib/config-files.ts';
import { Check } from '../lib/probes.ts';
import { Volume } from '../lib/volume.ts';
import { HardenedStatefulSet, ServiceOf } from '../lib/workloads.ts';
import { yaml } from '../lib/yaml.ts';
import { PRIORITY } from './capacity.ts';
import { goMemoryLimit } from './go-memory.ts';
import { LOKI, PORTS } from './names.ts';
import { WAIVERS } from './waivers.ts';
import { ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

const CONFIG = '/etc/loki';
const DATA = '/loki';

/** Loki on one pod: all of it in one process, its chunks and index on a claim. */
export class LokiChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { config } = props;
    const { loki } = config.monitoring.bundled.logs;

    const files = new ConfigFiles(this, 'config', {
      name: LOKI,
      files: { 'loki.yaml': yaml(lokiConfig(loki)) },
    });
    const data = Volume.claim('data');

    new HardenedStatefulSet(this, 'loki', {
      name: LOKI,
      replicas: 1,
      // loki in the image.
      uid: 10001,
      gid: 10001,
      priorityClassName: PRIORITY.apps,
      annotations: WAIVERS,
      imagePullPolicy: config.imagePullPolicy,
      // It writes out what it holds in memory.
      terminationGracePeriodSeconds: 120,
      servicePorts: { http: PORTS.loki },
      claims: [{ name: data.name, ...loki.storage }],
      containers: [
        {
          name: 'loki',
          image: loki.image,
          env: goMemoryLimit(loki.resources),
          args: [`-config.file=${CONFIG}/loki.yaml`],
          ports: { http: PORTS.loki },
          resources: loki.resources,
          mounts: [
            { volume: data, path: DATA },
            { volume: Volume.configFiles('config', files), path: CONFIG },
            { volume: Volume.emptyDir('tmp'), path: '/tmp' },
          ],
          probes: {
            startup: Check.http('/ready', 'http'),
            readiness: Check.http('/ready', 'http'),
            liveness: Check.tcp('http'),
            // It replays its log first.
            startupSeconds: 300,
          },
        },
      ],
    });
    new ServiceOf(this, 'service', { name: LOKI, workload: LOKI, ports: { http: PORTS.loki } });
  }
}

function lokiConfig({ retention, resources }: Config['monitoring']['bundled']['logs']['loki']): object {
  const memory = toMebibytes(resources.limits.memory);
  const cacheOf = (share: number): object => ({
    embedded_cache: { enabled: true, max_size_mb: Math.floor(share * memory) },
  });
  const kept = `${toSeconds(retention) / 3600}h`;
  return {
    // One tenant; network policies say who gets here.
    auth_enabled: false,
    server: { http_listen_port: PORTS.loki, log_format: 'json', log_level: 'warn' },
    common: {
      instance_addr: '127.0.0.1',
      path_prefix: DATA,
      replication_factor: 1,
      ring: { kvstore: { store: 'inmemory' } },
      storage: {
        filesystem: { chunks_directory: `${DATA}/chunks`, rules_directory: `${DATA}/rules` },
      },
    },
    schema_config: {
      configs: [
        {
          from: '2024-01-01',
          store: 'tsdb',
          object_store: 'filesystem',
          schema: 'v13',
          index: { prefix: 'index_', period: '24h' },
        },
      ],
    },
    ingester: { wal: { replay_memory_ceiling: `${Math.floor(memory / 4)}MB` } },
    // Without a size, each of them may take 100 MB; results have six caches of the size that is named.
    chunk_store_config: { chunk_cache_config: cacheOf(0.05) },
    query_range: { results_cache: { cache: cacheOf(0.0125) } },
    querier: { max_concurrent: 2 },
    limits_config: {
      retention_period: kept,
      reject_old_samples_max_age: kept,
      max_line_size: '64KB',
      max_line_size_truncate: true,
      // A question is asked in parts, of which few are in memory at a time.
      max_query_parallelism: 4,
      tsdb_max_query_parallelism: 4,
    },
    // It deletes what is older; by default, nobody does.
    compactor: { retention_enabled: true, delete_request_store: 'filesystem' },
    analytics: { reporting_enabled: false },
  };
}
