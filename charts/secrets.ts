import { k8s } from '../lib/k8s.ts';
import type { Construct } from 'constructs';
import { neededSecrets, openText, type SecretValue } from '../environments/secrets.ts';
import { ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

/** Dev's Secrets, with literal values. Every other environment names Secrets and never contains them. */
export class SecretsChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { values } = props.config.secrets;
    const text = (value: SecretValue): string => {
      if (value.kind !== 'secret') return openText(value);
      const literal = value.field === undefined ? undefined : values[value.field];
      if (literal === undefined)
        throw new Error(`secrets.values.${value.field ?? ''} is missing; dev needs a literal value`);
      return literal;
    };
    for (const spec of neededSecrets(props.config)) {
      new k8s.KubeSecret(this, spec.name, {
        metadata: { name: spec.name },
        type: spec.type,
        stringData: Object.fromEntries(Object.entries(spec.keys).map(([key, value]) => [key, text(value)])),
      });
    }
  }
}
