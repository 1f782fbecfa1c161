import type { Construct } from 'constructs';
import { hasJmxAgent } from '../environments/monitoring.ts';
import { ConfigFiles } from '../lib/config-files.ts';
import type { ContainerProps } from '../lib/pod.ts';
import { filesOf } from '../lib/scripts.ts';
import { Volume, type Mount } from '../lib/volume.ts';
import { PORTS } from './names.ts';
import type { ZakposChartProps } from './zakpos-chart.ts';

const FOLDER = '/opt/jmx-agent';
const RULES = '/etc/jmx-agent';

/** What the pod of a Java server needs to tell metrics of itself. */
export interface JmxAgent {
  readonly initContainers: readonly ContainerProps[];
  readonly mounts: readonly Mount[];
  readonly ports: Readonly<Record<string, number>>;
  /** Lines of the server's start script, before it becomes the server. */
  readonly script: string;
}

const NONE: JmxAgent = { initContainers: [], mounts: [], ports: {}, script: '' };

/**
 * Prometheus' agent in the process of a server of Confluent's images; nothing where nobody asks for metrics. Its option
 * is no variable of the container, since each tool that somebody starts there would load it as well, and find its port
 * taken.
 */
export function jmxAgent(
  scope: Construct,
  { config, images }: ZakposChartProps,
  server: 'kafka' | 'zookeeper',
): JmxAgent {
  if (!hasJmxAgent(config)) return NONE;
  const rules = `jmx-${server}.yaml`;
  const agent = Volume.emptyDir('jmx-agent', { mebibytes: 16 });
  const files = new ConfigFiles(scope, 'metrics-rules', {
    name: `zakpos-${server}-metrics`,
    files: filesOf('exporters', rules),
  });
  return {
    initContainers: [
      {
        name: 'jmx-agent',
        image: images['jmx-agent'],
        command: ['cp', '/opt/jmx-agent.jar', `${FOLDER}/agent.jar`],
        resources: config.monitoring.exporters.resources,
        mounts: [{ volume: agent, path: FOLDER }],
      },
    ],
    mounts: [
      { volume: agent, path: FOLDER },
      { volume: Volume.configFiles('metrics-rules', files), path: RULES },
    ],
    ports: { metrics: PORTS.jmxAgent },
    script: `export KAFKA_OPTS="\${KAFKA_OPTS-} -javaagent:${FOLDER}/agent.jar=${PORTS.jmxAgent}:${RULES}/${rules}"\n`,
  };
}
