import type { Construct } from 'constructs';
import { isMounted } from '../environments/images.ts';
import type { Config } from '../environments/schema.ts';
import { ConfigFiles } from '../lib/config-files.ts';
import { Check } from '../lib/probes.ts';
import { Volume } from '../lib/volume.ts';
import { HardenedDeployment, ServiceOf } from '../lib/workloads.ts';
import { DRAIN_SECONDS } from './api.ts';
import { PRIORITY } from './capacity.ts';
import { MOBILE } from './names.ts';
import { codeOf, DEVELOPMENT_PROBES, STARTED } from './sources.ts';
import { WAIVERS } from './waivers.ts';
import { ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

const CONFIG = '/config';

/** The mobile app's web export behind an unprivileged nginx, with its public settings in a file. */
export class MobileChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { config, images } = props;
    const { mobile } = config;
    const develops = isMounted(config, 'mobile');
    const self = `http://127.0.0.1:${mobile.port}`;
    const code = codeOf(config, 'mobile', {
      command: [
        ...['node', '../node_modules/expo/bin/cli', 'start', '--port', String(mobile.port)],
        // What it translates in parallel takes memory, and saves no time with a file or two.
        ...['--max-workers', '1'],
      ],
      health: `${self}${mobile.health.startup}`,
      warm: `${self}/`,
    });
    const publicConfig = new ConfigFiles(this, 'config', {
      name: MOBILE,
      files: {
        'public.json': JSON.stringify(
          { EXPO_PUBLIC_API_URL: mobile.apiUrl, SHOP_NAME: config.shop.name },
          null,
          2,
        ),
      },
    });

    new HardenedDeployment(this, 'mobile', {
      name: MOBILE,
      uid: mobile.uid,
      gid: mobile.gid,
      imagePullPolicy: config.imagePullPolicy,
      replicas: mobile.replicas,
      spread: 'preferred',
      priorityClassName: PRIORITY.apps,
      annotations: WAIVERS,
      containers: [
        {
          name: 'mobile',
          image: images.mobile,
          command: code.command,
          ...(develops ? { env: { ...code.env, ...advertised(config) } } : {}),
          ports: { http: mobile.port },
          resources: mobile.resources,
          mounts: [
            { volume: Volume.configFiles('config', publicConfig), path: CONFIG },
            ...code.mounts,
            // Expo keeps there what it has translated.
            { volume: Volume.emptyDir('tmp', develops ? { mebibytes: 256 } : {}), path: '/tmp' },
          ],
          probes: {
            startup: develops ? Check.exec('test', '-e', STARTED) : Check.http(mobile.health.startup, 'http'),
            readiness: Check.http(mobile.health.ready, 'http'),
            liveness: Check.http(mobile.health.live, 'http'),
            ...(develops ? DEVELOPMENT_PROBES : {}),
          },
          drainSeconds: DRAIN_SECONDS,
        },
      ],
    });
    new ServiceOf(this, 'service', { name: MOBILE, workload: MOBILE, ports: { http: mobile.port } });
  }
}

/** What the dev server tells phones and browsers of itself, of the API and of the shop. */
function advertised({ mobile, api, localPorts, shop }: Config): Record<string, string> {
  const { lanAddress } = mobile;
  const host = lanAddress ?? 'localhost';
  return {
    NODE_ENV: 'development',
    EXPO_OFFLINE: '1',
    EXPO_NO_TELEMETRY: '1',
    EXPO_NO_TYPESCRIPT_SETUP: '1',
    HOME: '/tmp',
    REACT_NATIVE_PACKAGER_HOSTNAME: host,
    EXPO_PACKAGER_PROXY_URL: `http://${host}:${localPorts.mobile}`,
    // An app on a phone has no server that a path would be of.
    EXPO_PUBLIC_API_URL:
      lanAddress !== undefined && mobile.apiUrl.startsWith('/')
        ? `http://${lanAddress}:${localPorts.api}/${api.prefix}`
        : mobile.apiUrl,
    EXPO_PUBLIC_SHOP_NAME: shop.name,
  };
}
