import { k8s } from './k8s.ts';
import { Construct } from 'constructs';
import { checksum } from './checksum.ts';

export interface ConfigFilesProps {
  /** Name of the ConfigMap. */
  readonly name: string;
  /** Text of each file by its name. */
  readonly files: Readonly<Record<string, string>>;
  /**
   * Labels beside those of the chart.
   * @default - none
   */
  readonly labels?: Readonly<Record<string, string>>;
}

/** A ConfigMap of files. Pods that mount it carry its checksum, so that a change rolls them and nobody else. */
export class ConfigFiles extends Construct {
  readonly name: string;
  readonly checksum: string;

  constructor(scope: Construct, id: string, props: ConfigFilesProps) {
    super(scope, id);
    this.name = props.name;
    this.checksum = checksum(JSON.stringify(props.files));
    new k8s.KubeConfigMap(this, 'config-map', {
      metadata: { name: props.name, ...(props.labels === undefined ? {} : { labels: { ...props.labels } }) },
      data: { ...props.files },
    });
  }
}
