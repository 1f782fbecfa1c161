import type { Construct } from 'constructs';
import { isMounted } from '../environments/images.ts';
import { isMonitored } from '../environments/monitoring.ts';
import { ConfigFiles } from '../lib/config-files.ts';
import { Check } from '../lib/probes.ts';
import { Volume } from '../lib/volume.ts';
import { HardenedDeployment, ServiceOf } from '../lib/workloads.ts';
import { DRAIN_SECONDS } from './api.ts';
import { PRIORITY } from './capacity.ts';
import { DebugService, debugging } from './debug.ts';
import { PORTS, WEB } from './names.ts';
import { codeOf, DEVELOPMENT_PROBES, STARTED } from './sources.ts';
import { WAIVERS } from './waivers.ts';
import { scaling, ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

const CONFIG = '/config';

/** The web till. What browsers have to know is read at run time from a file, never baked into the image. */
export class WebChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { config, images } = props;
    const { web } = config;
    const tellsMetrics = isMonitored(config) && web.metrics;
    const publicConfig = new ConfigFiles(this, 'config', {
      name: WEB,
      files: {
        'public.json': JSON.stringify(
          { NEXT_PUBLIC_API_URL: web.apiUrl, NEXT_PUBLIC_WS_URL: web.wsUrl, SHOP_NAME: config.shop.name },
          null,
          2,
        ),
      },
    });

    const develops = isMounted(config, 'web');
    const self = `http://127.0.0.1:${web.port}`;
    const code = codeOf(config, 'web', {
      command: [...debugging(PORTS.webDebug), 'dist/main.js'],
      health: `${self}${web.health.startup}`,
      warm: `${self}/`,
      mebibytes: 512,
    });

    new HardenedDeployment(this, 'web', {
      name: WEB,
      uid: web.uid,
      gid: web.gid,
      imagePullPolicy: config.imagePullPolicy,
      ...scaling(web),
      spread: 'preferred',
      priorityClassName: PRIORITY.apps,
      annotations: WAIVERS,
      containers: [
        {
          name: 'web',
          image: images.web,
          command: code.command,
          env: {
            ...code.env,
            NODE_ENV: develops ? 'development' : 'production',
            PORT: String(web.port),
            HOSTNAME: '0.0.0.0',
            ZAKPOS_PUBLIC_CONFIG: `${CONFIG}/public.json`,
            ...(tellsMetrics ? { METRICS_PORT: String(PORTS.webMetrics) } : {}),
            // Whose pages may ask for what only a server for development has.
            ...(develops ? { ALLOWED_DEV_ORIGINS: config.ingress.host } : {}),
            ...web.env,
          },
          ports: {
            http: web.port,
            ...(tellsMetrics ? { metrics: PORTS.webMetrics } : {}),
            ...(develops ? { debug: PORTS.webDebug } : {}),
          },
          resources: web.resources,
          mounts: [
            { volume: Volume.configFiles('config', publicConfig), path: CONFIG },
            ...code.mounts,
            ...(develops
              ? []
              : [{ volume: Volume.emptyDir('cache', { mebibytes: 256 }), path: '/app/.next/cache' }]),
            { volume: Volume.emptyDir('tmp'), path: '/tmp' },
          ],
          probes: {
            startup: develops ? Check.exec('test', '-e', STARTED) : Check.http(web.health.startup, 'http'),
            readiness: Check.http(web.health.ready, 'http'),
            // A breakpoint holds the process, but not its port.
            liveness: develops ? Check.tcp('http') : Check.http(web.health.live, 'http'),
            ...(develops ? DEVELOPMENT_PROBES : {}),
          },
          drainSeconds: DRAIN_SECONDS,
        },
      ],
    });
    new ServiceOf(this, 'service', { name: WEB, workload: WEB, ports: { http: web.port } });
    if (develops) new DebugService(this, 'debug', WEB, 'webDebug');
  }
}
