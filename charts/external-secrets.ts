import type { Construct } from 'constructs';
import { toSeconds } from '../environments/quantities.ts';
import { CLOUDNATIVEPG, neededSecrets, openText, type SecretSpec } from '../environments/secrets.ts';
import { ExternalSecret } from '../imports/external-secrets.io.ts';
import { KEPT } from '../lib/kept.ts';
import { ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

/** Secrets that the External Secrets operator fetches: what is known comes from here, what is secret from a store. */
export class ExternalSecretsChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { store } = props.config.secrets;
    for (const spec of neededSecrets(props.config)) {
      const { name, type, keys } = spec;
      const secretKeys = Object.keys(keys).filter((key) => keys[key]?.kind === 'secret');
      new ExternalSecret(this, name, {
        metadata: { name, annotations: { ...KEPT } },
        spec: {
          refreshInterval: `${toSeconds(store.refresh)}s`,
          secretStoreRef: { name: store.name, kind: store.kind },
          data: secretKeys.map((key) => ({
            secretKey: key,
            remoteRef: { key: `${store.prefix}${name}`, property: key },
          })),
          target: {
            name,
            creationPolicy: 'Owner',
            // A store that has lost a secret is no reason to stop the till.
            deletionPolicy: 'Retain',
            template: {
              type,
              ...(spec.usedBy.includes(CLOUDNATIVEPG)
                ? { metadata: { labels: { 'cnpg.io/reload': 'true' } } }
                : {}),
              data: templateOf(keys),
            },
          },
        },
      });
    }
  }
}

/** What each key holds: a known text, or the name under which the template finds the secret. */
const templateOf = (keys: SecretSpec['keys']): Record<string, string> =>
  Object.fromEntries(
    Object.entries(keys).map(([key, value]) => [
      key,
      value.kind === 'secret' ? `{{ .${key} }}` : openText(value),
    ]),
  );
