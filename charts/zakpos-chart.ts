import { Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import { secretSpecs, type SecretId } from '../environments/secrets.ts';
import type { App } from '../environments/images.ts';
import type { Config } from '../environments/schema.ts';
import { checksum } from '../lib/checksum.ts';
import type { SecretRef } from '../lib/secret-ref.ts';

/** Labels on every object of the product; `npm run up` prunes by them. */
export const PART_OF = { 'app.kubernetes.io/part-of': 'zakpos' } as const;

/** What every chart is given. */
export interface ZakposChartProps {
  readonly config: Config;
  /** Image of each app. */
  readonly images: Readonly<Record<App, string>>;
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
    value.kind === 'known' ? value.text : config.secrets.values[value.field],
  );
  return { name, keys: Object.keys(keys), checksum: checksum(JSON.stringify(values)) };
}
