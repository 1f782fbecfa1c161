import type { Construct } from 'constructs';
import { SEVERITIES } from '../environments/monitoring.ts';
import { ConfigFiles } from '../lib/config-files.ts';
import { Check } from '../lib/probes.ts';
import { Volume } from '../lib/volume.ts';
import { HardenedStatefulSet, ServiceOf } from '../lib/workloads.ts';
import { yaml } from '../lib/yaml.ts';
import { alertmanagerConfig, credentialsOf } from './alertmanager-config.ts';
import { PRIORITY } from './capacity.ts';
import { goMemoryLimit } from './go-memory.ts';
import { ALERTMANAGER, PORTS } from './names.ts';
import { WAIVERS } from './waivers.ts';
import { ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

const CONFIG = '/etc/alertmanager';
const DATA = '/alertmanager';

/** Alertmanager on one pod. Its claim holds silences and what has been told, so that a restart tells nothing twice. */
export class AlertmanagerChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { config } = props;
    const { alertmanager } = config.monitoring.bundled;

    const files = new ConfigFiles(this, 'config', {
      name: ALERTMANAGER,
      files: { 'alertmanager.yaml': yaml(alertmanagerConfig(config)) },
    });
    const data = Volume.claim('data');
    // It reads them for each message, so a new one needs no restart.
    const credentials = SEVERITIES.flatMap((severity) => {
      const { secret } = alertmanager.receivers[severity];
      return secret === undefined
        ? []
        : [
            {
              volume: Volume.secret(severity, { name: secret.name, keys: [secret.key] }, [secret.key]),
              path: credentialsOf(severity),
            },
          ];
    });

    new HardenedStatefulSet(this, 'alertmanager', {
      name: ALERTMANAGER,
      replicas: 1,
      // nobody, as in the image.
      uid: 65534,
      gid: 65534,
      priorityClassName: PRIORITY.apps,
      annotations: WAIVERS,
      imagePullPolicy: config.imagePullPolicy,
      servicePorts: { http: PORTS.alertmanager },
      claims: [{ name: data.name, ...alertmanager.storage }],
      containers: [
        {
          name: 'alertmanager',
          image: alertmanager.image,
          env: goMemoryLimit(alertmanager.resources),
          args: [
            `--config.file=${CONFIG}/alertmanager.yaml`,
            `--storage.path=${DATA}`,
            // It is alone.
            '--cluster.listen-address=',
            // Links in messages lead to where a port is forwarded.
            `--web.external-url=http://localhost:${PORTS.alertmanager}/`,
            '--log.format=json',
          ],
          ports: { http: PORTS.alertmanager },
          resources: alertmanager.resources,
          mounts: [
            { volume: data, path: DATA },
            { volume: Volume.configFiles('config', files), path: CONFIG },
            ...credentials,
          ],
          probes: {
            startup: Check.http('/-/ready', 'http'),
            readiness: Check.http('/-/ready', 'http'),
            liveness: Check.http('/-/healthy', 'http'),
          },
        },
      ],
    });
    new ServiceOf(this, 'service', {
      name: ALERTMANAGER,
      workload: ALERTMANAGER,
      ports: { http: PORTS.alertmanager },
    });
  }
}
