import type { Construct } from 'constructs';
import { redisEndpoint } from '../environments/endpoints.ts';
import { Check } from '../lib/probes.ts';
import { Volume } from '../lib/volume.ts';
import { HardenedDeployment } from '../lib/workloads.ts';
import { PRIORITY } from './capacity.ts';
import { goMemoryLimit } from './go-memory.ts';
import { PORTS, REDIS_EXPORTER } from './names.ts';
import { WAIVERS } from './waivers.ts';
import { certificateRef, secretRef, ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

const LOGIN = '/run/secrets/redis';
const CA = '/run/secrets/redis-ca';
const RUN = '/run/redis-exporter';
const PASSWORDS = `${RUN}/passwords.json`;

/** Metrics of Redis, wherever it runs. */
export class RedisExporterChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { config } = props;
    const { exporters } = config.monitoring;
    const { address, tls, caSecret } = redisEndpoint(config);
    const url = `${tls === 'disable' ? 'redis' : 'rediss'}://${address}`;
    const run = Volume.emptyDir('run', { memory: true, mebibytes: 1 });

    new HardenedDeployment(this, 'exporter', {
      name: REDIS_EXPORTER,
      replicas: 1,
      // As in the image.
      uid: 59_000,
      gid: 59_000,
      priorityClassName: PRIORITY.apps,
      annotations: WAIVERS,
      imagePullPolicy: config.imagePullPolicy,
      initContainers: [
        {
          name: 'password',
          // The exporter's image has no shell.
          image: config.redis.image,
          command: ['sh', '-c', PASSWORD_SCRIPT, 'password', url],
          resources: exporters.resources,
          mounts: [
            { volume: Volume.secret('login', secretRef(config, 'redis')), path: LOGIN },
            { volume: run, path: RUN },
          ],
        },
      ],
      containers: [
        {
          name: 'redis-exporter',
          image: exporters.redisImage,
          args: [
            `-web.listen-address=:${PORTS.redisExporter}`,
            `-redis.password-file=${PASSWORDS}`,
            '-log-format=json',
            // Managed servers refuse CONFIG, and of its answer nothing is looked at.
            '-config-command=-',
            '-connection-timeout=3s',
          ],
          env: {
            REDIS_ADDR: url,
            ...(caSecret === undefined ? {} : { REDIS_EXPORTER_TLS_CA_CERT_FILE: `${CA}/ca.crt` }),
            ...goMemoryLimit(exporters.resources),
          },
          ports: { metrics: PORTS.redisExporter },
          resources: exporters.resources,
          mounts: [
            { volume: run, path: RUN },
            ...(caSecret === undefined
              ? []
              : [{ volume: Volume.secret('ca', certificateRef(caSecret), ['ca.crt']), path: CA }]),
          ],
          probes: {
            startup: Check.tcp('metrics'),
            // Its own page: asking for the metrics would ask Redis.
            readiness: Check.http('/', 'metrics'),
            liveness: Check.tcp('metrics'),
          },
        },
      ],
    });
  }
}

/** The exporter reads passwords by the address that they are of, as JSON. */
const PASSWORD_SCRIPT = `umask 077
printf '{"%s":"%s"}' "$1" "$(sed 's/[\\\\"]/\\\\&/g' ${LOGIN}/password)" > ${PASSWORDS}`;
