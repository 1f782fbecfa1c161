import type { Construct } from 'constructs';
import { watchedCertificates } from '../environments/certificates.ts';
import { SECRET_AGES } from '../environments/monitoring.ts';
import { Check } from '../lib/probes.ts';
import { Volume } from '../lib/volume.ts';
import { HardenedDeployment } from '../lib/workloads.ts';
import { PRIORITY } from './capacity.ts';
import { EXPIRY, PORTS } from './names.ts';
import { WAIVERS } from './waivers.ts';
import { certificateRef, ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

const CERTIFICATES = '/run/certificates';
const AGES = '/run/secret-ages';

/**
 * When certificates end, and since when Secrets are in use: of a certificate it sees what anybody is shown who connects,
 * and of a Secret no more than its name. It talks to nobody. What isn't there yet doesn't hold it up.
 */
export class ExpiryChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps, command: readonly string[]) {
    super(scope, id, props);
    const { config, images } = props;
    const { api, monitoring } = config;

    new HardenedDeployment(this, 'expiry', {
      name: EXPIRY,
      replicas: 1,
      uid: api.uid,
      gid: api.gid,
      priorityClassName: PRIORITY.apps,
      annotations: WAIVERS,
      imagePullPolicy: config.imagePullPolicy,
      containers: [
        {
          name: 'expiry',
          image: images.expiry,
          command,
          env: {
            NODE_ENV: 'production',
            // A few megabytes are in use; without a limit, the collector would wait for many more.
            NODE_OPTIONS: '--max-old-space-size=48',
            PORT: String(PORTS.expiry),
            LOG_LEVEL: api.logLevel,
            CERTIFICATES_FOLDER: CERTIFICATES,
            SECRET_AGES_FOLDER: AGES,
          },
          ports: { metrics: PORTS.expiry },
          resources: monitoring.exporters.resources,
          mounts: [
            ...watchedCertificates(config).map(({ secret }) => ({
              volume: Volume.optionalSecret(secret, certificateRef(secret), ['tls.crt']),
              path: `${CERTIFICATES}/${secret}`,
            })),
            { volume: Volume.optionalConfigMap('secret-ages', SECRET_AGES), path: AGES },
            { volume: Volume.emptyDir('tmp'), path: '/tmp' },
          ],
          probes: {
            startup: Check.tcp('metrics'),
            readiness: Check.http('/health/ready', 'metrics'),
            liveness: Check.tcp('metrics'),
          },
        },
      ],
    });
  }
}
