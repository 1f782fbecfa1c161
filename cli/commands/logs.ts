/** `npm run logs`: what components have written, put together by time, with or without Loki. */
import { hasLogs } from '../../environments/monitoring.ts';
import { ownNamespaces } from '../../environments/namespaces.ts';
import { toSeconds } from '../../environments/quantities.ts';
import type { Config } from '../../environments/schema.ts';
import { readConfig } from '../environment.ts';
import { messageOf } from '../errors.ts';
import { untilInterrupted } from '../interrupt.ts';
import type { Kubectl } from '../kubectl.ts';
import { mentions, pretty, type LogLine } from '../log-lines.ts';
import {
  componentNamed,
  componentsIn,
  followNodes,
  linesOfLoki,
  linesOfNodes,
  type LogComponent,
} from '../log-sources.ts';
import { targetOf, type TargetOptions } from '../target.ts';

export interface LogsOptions extends TargetOptions {
  /** How far back, such as 10m. */
  readonly since: string;
  /** Id of a request: only lines with it. */
  readonly request?: string;
  readonly follow?: boolean;
  /** Whether lines are printed as they were written. */
  readonly json?: boolean;
  /** Whether the nodes are asked, even where there is Loki. */
  readonly nodes?: boolean;
}

const LOKI = { pod: 'service/zakpos-loki', port: 3100 };

export async function logs(names: readonly string[], options: LogsOptions): Promise<void> {
  const config = readConfig(options);
  const { kubectl, kind } = targetOf(options);
  await kind?.require();
  const components = await componentsNamed(kubectl, config, names);
  const print = printer(options);
  if (options.follow === true) {
    await followNodes(kubectl, components, options.since, untilInterrupted(), print);
    return;
  }
  print(await linesOf(kubectl, config, components, options));
}

/** From Loki, which knows those of pods that are gone; from the nodes where there is none, or it doesn't answer. */
export async function linesOf(
  kubectl: Kubectl,
  config: Config,
  components: readonly LogComponent[],
  { since, request, nodes }: Pick<LogsOptions, 'since' | 'request' | 'nodes'>,
  warn: (text: string) => void = console.error,
): Promise<LogLine[]> {
  if (hasLogs(config) && nodes !== true) {
    try {
      return await kubectl.withPort({ namespace: config.namespace, ...LOKI }, (url) =>
        linesOfLoki(url, components, {
          since: Date.now() - 1000 * toSeconds(since),
          containing: request,
        }),
      );
    } catch (error) {
      warn(`Loki can't be asked, so these are from the nodes: ${messageOf(error)}\n`);
    }
  }
  return linesOfNodes(kubectl, components, since);
}

const printer =
  ({ request, json }: LogsOptions) =>
  (lines: readonly LogLine[]): void => {
    for (const line of lines) {
      if (request === undefined || mentions(line, request))
        process.stdout.write(`${json === true ? line.text : pretty(line)}\n`);
    }
  };

/**
 * The components by their names, with or without zakpos-; all of them without a name.
 * @throws {CliError} for a name that no pod has
 */
export async function componentsNamed(
  kubectl: Kubectl,
  config: Config,
  names: readonly string[],
): Promise<LogComponent[]> {
  const known = await componentsIn(kubectl, ownNamespaces(config));
  return names.length === 0 ? known : names.map((name) => componentNamed(known, name));
}
