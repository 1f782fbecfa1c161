import type { Construct } from 'constructs';
import { postgresEndpoint } from '../environments/endpoints.ts';
import { ConfigFiles } from '../lib/config-files.ts';
import { Check } from '../lib/probes.ts';
import { filesOf } from '../lib/scripts.ts';
import { Volume } from '../lib/volume.ts';
import { HardenedDeployment } from '../lib/workloads.ts';
import { PRIORITY } from './capacity.ts';
import { goMemoryLimit } from './go-memory.ts';
import { PORTS, POSTGRES_EXPORTER } from './names.ts';
import { WAIVERS } from './waivers.ts';
import { certificateRef, secretRef, ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

const CONFIG = '/etc/postgres-exporter';
const QUERIES = 'postgres-queries.yaml';
const LOGIN = '/run/secrets/postgres';
const CA = '/run/secrets/postgres-ca';

/** Metrics of PostgreSQL, wherever it runs, by a role that sees statistics and no customer. */
export class PostgresExporterChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { config } = props;
    const { exporters } = config.monitoring;
    const { address, tls, caSecret } = postgresEndpoint(config);

    const files = new ConfigFiles(this, 'config', {
      name: POSTGRES_EXPORTER,
      files: filesOf('exporters', QUERIES),
    });
    const parameters = new URLSearchParams({
      sslmode: tls,
      ...(caSecret === undefined ? {} : { sslrootcert: `${CA}/ca.crt` }),
      connect_timeout: '3',
      // The size of a table that somebody has locked is left out, so that the lock itself is told in time.
      lock_timeout: '500',
      application_name: POSTGRES_EXPORTER,
    });

    new HardenedDeployment(this, 'exporter', {
      name: POSTGRES_EXPORTER,
      replicas: 1,
      // nobody, as in the image.
      uid: 65534,
      gid: 65534,
      priorityClassName: PRIORITY.apps,
      annotations: WAIVERS,
      imagePullPolicy: config.imagePullPolicy,
      containers: [
        {
          name: 'postgres-exporter',
          image: exporters.postgresImage,
          args: [
            `--web.listen-address=:${PORTS.postgresExporter}`,
            `--extend.query-path=${CONFIG}/${QUERIES}`,
            '--log.format=json',
          ],
          env: {
            DATA_SOURCE_URI: `${address}/${config.postgres.database}?${parameters.toString()}`,
            DATA_SOURCE_USER_FILE: `${LOGIN}/username`,
            DATA_SOURCE_PASS_FILE: `${LOGIN}/password`,
            ...goMemoryLimit(exporters.resources),
          },
          ports: { metrics: PORTS.postgresExporter },
          resources: exporters.resources,
          mounts: [
            { volume: Volume.configFiles('config', files), path: CONFIG },
            { volume: Volume.secret('login', secretRef(config, 'exporter')), path: LOGIN },
            ...(caSecret === undefined
              ? []
              : [{ volume: Volume.secret('ca', certificateRef(caSecret), ['ca.crt']), path: CA }]),
          ],
          probes: {
            startup: Check.tcp('metrics'),
            // Its own page: asking for the metrics would ask the database.
            readiness: Check.http('/', 'metrics'),
            liveness: Check.tcp('metrics'),
          },
        },
      ],
    });
  }
}
