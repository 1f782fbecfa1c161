import type { Construct } from 'constructs';
import { ConfigFiles } from '../lib/config-files.ts';
import { Check } from '../lib/probes.ts';
import { Volume } from '../lib/volume.ts';
import { HardenedDeployment, ServiceOf } from '../lib/workloads.ts';
import { DRAIN_SECONDS } from './api.ts';
import { PRIORITY } from './capacity.ts';
import { MOBILE } from './names.ts';
import { WAIVERS } from './waivers.ts';
import { ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

const CONFIG = '/config';

/** The mobile app's web export behind an unprivileged nginx, with its public settings in a file. */
export class MobileChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { config, images } = props;
    const { mobile } = config;
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
          ports: { http: mobile.port },
          resources: mobile.resources,
          mounts: [
            { volume: Volume.configFiles('config', publicConfig), path: CONFIG },
            { volume: Volume.emptyDir('tmp'), path: '/tmp' },
          ],
          probes: {
            startup: Check.http(mobile.health.startup, 'http'),
            readiness: Check.http(mobile.health.ready, 'http'),
            liveness: Check.http(mobile.health.live, 'http'),
          },
          drainSeconds: DRAIN_SECONDS,
        },
      ],
    });
    new ServiceOf(this, 'service', { name: MOBILE, workload: MOBILE, ports: { http: mobile.port } });
  }
}
