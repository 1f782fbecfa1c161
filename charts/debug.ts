import type { Construct } from 'constructs';
import { ServiceOf } from '../lib/workloads.ts';
import { NODE_PORTS, PORTS } from './names.ts';

type DebugPort = 'apiDebug' | 'webDebug';

/** Starts Node.js with its inspector on a port, and stack traces that name the sources. */
export const debugging = (port: number): readonly string[] => [
  'node',
  '--enable-source-maps',
  `--inspect=0.0.0.0:${port}`,
];

/** The way from the laptop to an app's inspector; its policy lets nothing in that comes from a pod. */
export class DebugService extends ServiceOf {
  constructor(scope: Construct, id: string, workload: string, port: DebugPort) {
    super(scope, id, {
      name: `${workload}-debug`,
      workload,
      ports: { debug: PORTS[port] },
      nodePorts: { debug: NODE_PORTS[port] },
      // So that the policy sees the laptop's address, and not one of a pod's network.
      onlyOwnNode: true,
    });
  }
}
