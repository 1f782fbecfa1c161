import type { Construct } from 'constructs';
import { hasLogs } from '../environments/monitoring.ts';
import type { Config } from '../environments/schema.ts';
import { ConfigFiles } from '../lib/config-files.ts';
import { Check } from '../lib/probes.ts';
import { Volume } from '../lib/volume.ts';
import { HardenedDeployment, ServiceOf } from '../lib/workloads.ts';
import { yaml } from '../lib/yaml.ts';
import { PRIORITY } from './capacity.ts';
import { GRAFANA, LOKI, PORTS, PROMETHEUS } from './names.ts';
import { WAIVERS } from './waivers.ts';
import { secretRef, ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

const PROVISIONING = '/etc/grafana/provisioning';
const DASHBOARDS = '/var/lib/grafana-dashboards';
const SECRETS = '/run/secrets/grafana';

/**
 * Grafana on one pod. All that it shows comes from the manifests, so it keeps nothing: what somebody changes in the
 * browser ends with the pod.
 */
export class GrafanaChart extends ZakposChart {
  /** `dashboards` are ConfigMaps, each with one or more files of JSON. */
  constructor(
    scope: Construct,
    id: string,
    props: ZakposChartProps,
    dashboards: readonly Pick<ConfigFiles, 'name' | 'checksum'>[],
  ) {
    super(scope, id, props);
    const { config } = props;
    const { grafana } = config.monitoring.bundled;

    const files = new ConfigFiles(this, 'provisioning', {
      name: GRAFANA,
      files: { 'datasources.yaml': yaml(datasources(config)), 'dashboards.yaml': yaml(DASHBOARDS_OF_FILES) },
    });
    const provisioning = Volume.configFiles('provisioning', files);

    new HardenedDeployment(this, 'grafana', {
      name: GRAFANA,
      replicas: 1,
      // grafana in the image.
      uid: 472,
      gid: 472,
      priorityClassName: PRIORITY.apps,
      annotations: WAIVERS,
      imagePullPolicy: config.imagePullPolicy,
      containers: [
        {
          name: 'grafana',
          image: grafana.image,
          env: {
            GF_SECURITY_ADMIN_PASSWORD__FILE: `${SECRETS}/password`,
            GF_SECURITY_DISABLE_GRAVATAR: 'true',
            GF_AUTH_ANONYMOUS_ENABLED: 'false',
            GF_USERS_ALLOW_SIGN_UP: 'false',
            // It talks to nobody outside.
            GF_ANALYTICS_REPORTING_ENABLED: 'false',
            GF_ANALYTICS_CHECK_FOR_UPDATES: 'false',
            GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: 'false',
            GF_NEWS_NEWS_FEED_ENABLED: 'false',
            GF_SNAPSHOTS_EXTERNAL_ENABLED: 'false',
            GF_PLUGINS_PREINSTALL_DISABLED: 'true',
            GF_LOG_MODE: 'console',
            GF_LOG_CONSOLE_FORMAT: 'json',
          },
          ports: { http: PORTS.grafana },
          resources: grafana.resources,
          mounts: [
            { volume: Volume.emptyDir('data', { mebibytes: 128 }), path: '/var/lib/grafana' },
            { volume: Volume.emptyDir('tmp'), path: '/tmp' },
            ...['datasources', 'dashboards'].map((kind) => ({
              volume: provisioning,
              path: `${PROVISIONING}/${kind}/zakpos.yaml`,
              subPath: `${kind}.yaml`,
            })),
            ...(dashboards.length === 0
              ? []
              : [{ volume: Volume.configFilesOf('dashboards', dashboards), path: DASHBOARDS }]),
            { volume: Volume.secret('admin', secretRef(config, 'grafana'), ['password']), path: SECRETS },
          ],
          probes: {
            startup: Check.http('/api/health', 'http'),
            readiness: Check.http('/api/health', 'http'),
            liveness: Check.tcp('http'),
          },
        },
      ],
    });
    new ServiceOf(this, 'service', { name: GRAFANA, workload: GRAFANA, ports: { http: PORTS.grafana } });
  }
}

const datasources = (config: Config): object => ({
  apiVersion: 1,
  datasources: [
    {
      name: 'Prometheus',
      // By which dashboards know it, as those of kube-prometheus-stack do.
      uid: 'prometheus',
      type: 'prometheus',
      access: 'proxy',
      url: `http://${PROMETHEUS}:${PORTS.prometheus}`,
      isDefault: true,
      jsonData: { httpMethod: 'POST', timeInterval: config.monitoring.bundled.prometheus.interval },
    },
    ...(hasLogs(config)
      ? [
          {
            name: 'Loki',
            uid: 'loki',
            type: 'loki',
            access: 'proxy',
            url: `http://${LOKI}:${PORTS.loki}`,
          },
        ]
      : []),
  ],
});

const DASHBOARDS_OF_FILES = {
  apiVersion: 1,
  providers: [
    {
      name: 'zakpos',
      type: 'file',
      disableDeletion: true,
      allowUiUpdates: false,
      options: { path: DASHBOARDS },
    },
  ],
};
