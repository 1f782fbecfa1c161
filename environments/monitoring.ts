/** Who watches an installation, and what of it this project runs itself. */
import type { Config } from './schema.ts';

/** Whether there is a Prometheus that asks for metrics, whoever runs it. */
export const isMonitored = ({ monitoring }: Config): boolean => monitoring.mode !== 'none';

/** Whether Java servers of this project tell metrics of themselves. */
export const hasJmxAgent = (config: Config): boolean =>
  isMonitored(config) && config.kafka.mode === 'statefulset';

/**
 * The command that tells when certificates end and Secrets were made, where that is somebody's to know: dev's are in its
 * manifests, and what an operator fetches has the age of what it was fetched from.
 */
export function expiryCommand(config: Config): readonly string[] | undefined {
  const { certificates, ingress, secrets, monitoring } = config;
  const some =
    certificates.source !== 'none' || ingress.tls.source !== 'none' || secrets.source === 'cluster';
  return isMonitored(config) && some ? (monitoring.exporters.expiryCommand ?? undefined) : undefined;
}

/** ConfigMap with the names of the Secrets that are this project's to rotate, and since when each is in use. */
export const SECRET_AGES = 'zakpos-secret-ages';

/** Whether this project's own Prometheus and Alertmanager run. */
export const isBundled = ({ monitoring }: Config): boolean => monitoring.mode === 'bundled';

export const hasGrafana = (config: Config): boolean =>
  isBundled(config) && config.monitoring.bundled.grafana.enabled;

/** Whether logs are collected into this project's own Loki. */
export const hasLogs = (config: Config): boolean =>
  isBundled(config) && config.monitoring.bundled.logs.enabled;

/** Severities of alerts, each with a receiver of its own. */
export const SEVERITIES = ['page', 'ticket'] as const;

export type Receiver = Config['monitoring']['bundled']['alertmanager']['receivers']['page'];

/** Secrets with the credentials of receivers, each once, with the keys that are read. */
export function receiverSecrets({
  monitoring,
}: Config): { readonly name: string; readonly keys: string[] }[] {
  if (monitoring.mode !== 'bundled') return [];
  const keys = new Map<string, string[]>();
  for (const { secret } of Object.values(monitoring.bundled.alertmanager.receivers)) {
    if (secret === undefined) continue;
    keys.set(secret.name, [...new Set([...(keys.get(secret.name) ?? []), secret.key])]);
  }
  return [...keys].map(([name, own]) => ({ name, keys: own }));
}

/** TCP port on which a receiver is reached. */
export function receiverPort({ port, url, smarthost }: Pick<Receiver, 'port' | 'url' | 'smarthost'>): number {
  if (port !== undefined) return port;
  if (smarthost !== undefined) return Number(smarthost.split(':').at(-1));
  const address = new URL(url ?? 'https://example.com');
  return address.port === '' ? (address.protocol === 'http:' ? 80 : 443) : Number(address.port);
}
