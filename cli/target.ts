/** Which cluster a command is about. */
import { clusterOf, KindCluster } from './cluster.ts';
import { Kubectl } from './kubectl.ts';

/** The options by which every command names it. */
export interface TargetOptions {
  /** The environment that runs there. */
  readonly env: string;
  /** Name of a kind cluster of this project. */
  readonly cluster?: string;
  /** A context of kubectl instead. */
  readonly context?: string;
}

/** The same options as a person types them, for messages. */
export const flagsOf = ({ env, cluster, context }: TargetOptions): string =>
  [
    `--env ${env}`,
    ...(cluster === undefined ? [] : [`--cluster ${cluster}`]),
    ...(context === undefined ? [] : [`--context ${context}`]),
  ].join(' ');

export interface Target {
  readonly kubectl: Kubectl;
  /** The kind cluster; `undefined` for a cluster that somebody else looks after. */
  readonly kind: KindCluster | undefined;
}

export function targetOf({ env, cluster, context }: TargetOptions): Target {
  if (context !== undefined) return { kubectl: new Kubectl(context), kind: undefined };
  const kind = kindOf({ env, cluster });
  return { kubectl: kind.kubectl, kind };
}

/** The kind cluster of an environment, or the one that is named. */
export const kindOf = ({ env, cluster }: Omit<TargetOptions, 'context'>): KindCluster =>
  new KindCluster(cluster ?? clusterOf(env));
