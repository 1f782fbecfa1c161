/** Names that workloads, Services and labels share; people know them, so they stay. */
export const POSTGRES = 'zakpos-postgres';
export const PGBOUNCER = 'zakpos-pgbouncer';
export const REDIS = 'zakpos-redis';
export const ZOOKEEPER = 'zakpos-zookeeper';
export const KAFKA = 'zakpos-kafka';
export const KAFKA_TOPICS = 'zakpos-kafka-topics';
export const API = 'zakpos-api';
export const REPORTS = 'zakpos-reports';
export const WEB = 'zakpos-web';
export const MOBILE = 'zakpos-mobile';
export const BACKUP = 'zakpos-backup';
export const BACKUP_DAILY = 'zakpos-backup-daily';
export const RESTORE_DRILL = 'zakpos-restore-drill';
export const RESTORE = 'zakpos-restore';
export const UPGRADE = 'zakpos-upgrade';
export const TASK = 'zakpos-task';
/** Claim of the checkout's apps, and the program that runs them. */
export const SOURCES = 'zakpos-sources';
export const TRAEFIK = 'traefik';
export const METRICS_SERVER = 'metrics-server';
export const POSTGRES_EXPORTER = 'zakpos-postgres-exporter';
export const REDIS_EXPORTER = 'zakpos-redis-exporter';
export const EXPIRY = 'zakpos-expiry';
export const PROMETHEUS = 'zakpos-prometheus';
export const ALERTMANAGER = 'zakpos-alertmanager';
export const GRAFANA = 'zakpos-grafana';
export const LOKI = 'zakpos-loki';
export const LOG_COLLECTOR = 'zakpos-log-collector';

/** Of the namespace: which part of the environment is there, where it isn't all. */
export const ONLY_ANNOTATION = 'zakpos.io/only';

/** Label that CloudNativePG puts on the pods of a Cluster: its servers, and the Jobs that make them. */
export const POSTGRES_INSTANCES = { 'cnpg.io/cluster': POSTGRES } as const;

/** Ports of the stores and of Traefik's listeners. */
export const PORTS = {
  postgres: 5432,
  postgresStatus: 8000,
  redis: 6379,
  zookeeper: 2181,
  zookeeperPeer: 2888,
  zookeeperElection: 3888,
  kafka: 9092,
  kafkaInternal: 9093,
  kafkaLocal: 9094,
  backupMetrics: 9187,
  traefikHttp: 8000,
  traefikHttps: 8443,
  traefikApi: 8847,
  traefikWeb: 8923,
  traefikMobile: 8906,
  traefikHealth: 8080,
  metricsServer: 10250,
  kubelet: 10250,
  postgresExporter: 9187,
  redisExporter: 9121,
  jmxAgent: 5556,
  webMetrics: 9464,
  apiDebug: 9229,
  webDebug: 9230,
  expiry: 9464,
  traefikMetrics: 9100,
  prometheus: 9090,
  alertmanager: 9093,
  discovery: 9098,
  grafana: 3000,
  loki: 3100,
  collectorMetrics: 8888,
} as const;

export { NODE_PORTS, POD_NETWORK } from '../environments/local-ports.ts';
