import { Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import { openText, secretSpecs, type SecretId } from '../environments/secrets.ts';
import type { ImageName } from '../environments/images.ts';
import type { Config } from '../environments/schema.ts';
import { checksum } from '../lib/checksum.ts';
import type { PodProps } from '../lib/pod.ts';
import type { SecretRef } from '../lib/secret-ref.ts';
import type { DeploymentProps } from '../lib/workloads.ts';

/** Labels on every object of the product; `npm run up` prunes by them. */
export const PART_OF = { 'app.kubernetes.io/part-of': 'zakpos' } as const;

const CONTROL_PLANE = 'node-role.kubernetes.io/control-plane';
/** Where kind's add-ons run: on the node that has the ports, and that nobody drains. */
export const ON_CONTROL_PLANE: Pick<PodProps, 'nodeSelector' | 'tolerations'> = {
  nodeSelector: { [CONTROL_PLANE]: '' },
  tolerations: [{ key: CONTROL_PLANE, operator: 'Exists', effect: 'NoSchedule' }],
};

/** What every chart is given. */
export interface ZakposChartProps {
  readonly config: Config;
  /** Images that this project builds, or what the configuration names in their place. */
  readonly images: Readonly<Record<ImageName, string>>;
}

/** A chart of the product: stable names, its namespace and the common labels on everything. */
export class ZakposChart extends Chart {
  constructor(
    scope: Construct,
    id: string,
    { config }: ZakposChartProps,
    namespace: string = config.namespace,
  ) {
    super(scope, id, {
      namespace,
      disableResourceNameHashes: true,
      labels: {
        ...PART_OF,
        'app.kubernetes.io/managed-by': 'zakpos',
        'zakpos.io/environment': config.environment,
      },
    });
  }
}

/** One of the environment's Secrets, by reference; its checksum is known where its values are literal. */
export function secretRef(config: Config, id: SecretId): SecretRef {
  const { name, keys } = secretSpecs(config)[id];
  if (config.secrets.source !== 'literal') return { name, keys: Object.keys(keys) };
  const values = Object.values(keys).map((value) =>
    value.kind === 'secret'
      ? value.field === undefined
        ? undefined
        : config.secrets.values[value.field]
      : openText(value),
  );
  return { name, keys: Object.keys(keys), checksum: checksum(JSON.stringify(values)) };
}

/** A Secret with a certificate, whoever makes it. A new one is read without a roll, so it has no checksum. */
export const certificateRef = (name: string): SecretRef => ({ name, keys: ['tls.crt', 'tls.key', 'ca.crt'] });

/** How many pods of an app there are, and how many a drain must leave. */
export const scaling = ({
  replicas,
  autoscaling,
  minAvailable,
}: Pick<Config['api'], 'replicas' | 'autoscaling' | 'minAvailable'>): Pick<
  DeploymentProps,
  'replicas' | 'autoscaling' | 'minAvailable'
> => ({
  replicas,
  ...(autoscaling.enabled ? { autoscaling } : {}),
  ...(minAvailable === undefined ? {} : { minAvailable }),
});
