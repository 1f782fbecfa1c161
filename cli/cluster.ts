/** The kind cluster of this project: made, found again, started after a reboot, and told from other people's. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { APPS, isMounted } from '../environments/images.ts';
import { NODE_PORTS } from '../environments/local-ports.ts';
import { ENVIRONMENTS, type Config } from '../environments/schema.ts';
import { clock } from './clock.ts';
import { ROOT } from './environment.ts';
import { CliError } from './errors.ts';
import { attempt, run, type RunResult } from './exec.ts';
import { CLUSTER_LABEL, generateKindConfig, kindConfigOf, mappedPorts, sourcesIn } from './kind-config.ts';
import { Kubectl, NO_CONTEXT } from './kubectl.ts';
import { requireFreePorts } from './ports.ts';
import type { Line } from './steps.ts';

/** What there is under a cluster's name. */
export type ClusterState =
  /** No container. */
  | 'absent'
  /** A cluster that is this project's and answers. */
  | 'ours'
  /** Its containers are there but not running, as after a reboot. */
  | 'stopped'
  /** Its creation was cut short: it never ran anything, so nothing can be lost with it. */
  | 'unfinished'
  /** Another kind cluster. */
  | 'foreign'
  /** Its API server doesn't answer kubectl. */
  | 'silent'
  /** kubectl's configuration has no context for it. */
  | 'unknown';

export class KindCluster {
  readonly name: string;
  readonly kubectl: Kubectl;

  constructor(name: string) {
    this.name = name;
    this.kubectl = new Kubectl(`kind-${name}`);
  }

  /** Names of its node containers, running or not, the control plane first. */
  async nodes(): Promise<string[]> {
    return (await this.containers()).map(({ name }) => name);
  }

  /** Nothing is changed, nor kubectl's configuration. */
  async state(): Promise<ClusterState> {
    const nodes = await this.containers();
    const [first] = nodes;
    if (first === undefined) return 'absent';
    if (nodes.some(({ running }) => !running)) return 'stopped';

    const answer = await this.askForNodes();
    if (answer.ok) {
      if (!isOfProject(answer)) return 'foreign';
      return (await this.canHoldData()) ? 'ours' : 'unfinished';
    }
    if (!(await this.inNode(first.name, 'test -f /etc/kubernetes/admin.conf'))) return 'unfinished';
    return NO_CONTEXT.test(answer.stderr) ? 'unknown' : 'silent';
  }

  /**
   * Makes sure that it runs and answers; run again after any interruption, it finishes.
   * @throws {CliError} when a port is taken, or the cluster of this name isn't this project's or doesn't answer
   */
  async ensure(config: Config, line: Line): Promise<'created' | 'started' | 'found'> {
    let state = await this.state();
    const stopped = state === 'stopped';
    if (stopped) await this.startContainers(line);
    if (stopped || isMute(state)) state = await this.waitForAnswer(line, stopped ? 90 : 30);
    if (state === 'ours') {
      await this.requirePorts(config);
      await this.requireSources(config);
      return stopped ? 'started' : 'found';
    }
    if (state === 'unfinished' || (state === 'silent' && (await this.neverHeldData()))) {
      line.note('its creation was cut short: making it again');
      await this.delete();
      state = 'absent';
    }
    if (state !== 'absent') throw this.refusal(state);
    await this.create(config, line);
    return 'created';
  }

  /**
   * Checks that it is there, this project's, and answers.
   * @throws {CliError} that says what is there instead
   */
  async require(): Promise<void> {
    const state = await this.state();
    if (state !== 'ours') throw this.refusal(state);
  }

  /** Removes it with everything in it. */
  async delete(): Promise<void> {
    await run('kind', ['delete', 'cluster', '--name', this.name]);
  }

  /** Why a command can't use what is there. */
  refusal(state: Exclude<ClusterState, 'ours'>): CliError {
    const { name } = this;
    const own = ` --cluster ${name}`;
    const environment = ENVIRONMENTS.find((candidate) => clusterOf(candidate) === name);
    const up = `\`npm run up --${environment === undefined ? own : ` --env ${environment}`}\``;
    switch (state) {
      case 'absent':
        return new CliError(`There is no kind cluster "${name}".`, `Make it with ${up}.`);
      case 'stopped':
        return new CliError(`The kind cluster "${name}" is stopped.`, `Start it with ${up}.`);
      case 'unfinished':
        return new CliError(
          `The creation of the kind cluster "${name}" was cut short.`,
          `${up} makes it again; \`npm run down --${own} --yes\` removes it.`,
        );
      case 'foreign':
        return new CliError(
          `The kind cluster "${name}" is not this project's: its nodes lack the label ${CLUSTER_LABEL}.`,
          `Choose another name: \`npm run up -- --cluster ${name}-2\`; or, if nobody needs it, remove it with \`kind delete cluster --name ${name}\`.`,
        );
      case 'silent':
        return new CliError(
          `The kind cluster "${name}" is there and has data, but its API server does not answer.`,
          `Try \`${exportCommand(name)}\`, in case kubectl has the credentials of a cluster of before; then \`docker restart ${name}-control-plane\`; \`npm run down --${own} --yes\` removes it with all its data.`,
        );
      case 'unknown':
        return new CliError(
          `The kind cluster "${name}" runs, but kubectl knows no context "${this.kubectl.context}".`,
          `\`${exportCommand(name)}\` adds it to the kubeconfig, and makes it the current one.`,
        );
    }
  }

  private async containers(): Promise<{ name: string; running: boolean }[]> {
    const listed = await run('docker', [
      'ps',
      '--all',
      '--filter',
      `label=io.x-k8s.kind.cluster=${this.name}`,
      '--format',
      '{{.Label "io.x-k8s.kind.role"}} {{.Names}} {{.State}}',
    ]);
    return listed
      .split('\n')
      .filter((text) => /^(control-plane|worker) /.test(text))
      .sort()
      .flatMap((text) => {
        const [, name, state] = text.split(' ');
        return name === undefined ? [] : [{ name, running: state === 'running' }];
      });
  }

  private askForNodes(): Promise<RunResult> {
    return this.kubectl.attempt(['get', 'nodes', '-o', 'json', '--request-timeout=5s']);
  }

  /** Whether it got its storage class: the last thing that kind installs, without which no claim is ever bound. */
  private async canHoldData(): Promise<boolean> {
    return (await this.kubectl.run(['get', 'storageclasses', '-o', 'name'])).trim() !== '';
  }

  /** Whether its nodes carry this project's label, also when its API server doesn't answer. */
  async isOurs(): Promise<boolean> {
    const answer = await this.askForNodes();
    if (answer.ok) return isOfProject(answer);
    const [controlPlane] = await this.nodes();
    return (
      controlPlane !== undefined && this.inNode(controlPlane, `grep -q ${CLUSTER_LABEL} /kind/kubeadm.conf`)
    );
  }

  /** Whether it is this project's and no claim was ever bound in it. */
  private async neverHeldData(): Promise<boolean> {
    const [controlPlane] = await this.nodes();
    return (
      controlPlane !== undefined &&
      (await this.isOurs()) &&
      !(await this.inNode(controlPlane, 'ls -A /var/local-path-provisioner 2>/dev/null | grep -q .'))
    );
  }

  private async inNode(node: string, script: string): Promise<boolean> {
    return (await attempt('docker', ['exec', node, 'sh', '-c', script])).ok;
  }

  private async create(config: Config, line: Line): Promise<void> {
    const template = templateOf(config);
    await requireFreePorts(mappedPorts(template, config.localPorts));
    await run('kind', ['create', 'cluster', '--name', this.name, '--config', '-', '--wait', '120s'], {
      input: generateKindConfig(template, {
        cluster: this.name,
        root: ROOT,
        ports: config.localPorts,
        forPhones: config.mobile.lanAddress !== undefined,
      }),
      onLine: (text) => {
        line.note(text);
      },
      fix: `Free what it names, then run the same command again; \`docker info\` shows the memory that docker may use.`,
    });
  }

  private async startContainers(line: Line): Promise<void> {
    line.note('starting its stopped containers');
    await run('docker', ['start', ...(await this.nodes())], {
      fix: 'If a port is taken, stop what holds it, then run the same command again.',
    });
  }

  /** Waits until it answers, and its nodes with it; its context becomes the current one, as of one that kind makes. */
  private async waitForAnswer(line: Line, seconds: number): Promise<ClusterState> {
    line.note('waiting for its API server');
    const deadline = clock.now() + seconds * 1000;
    let state = await this.state();
    while (isMute(state) && clock.now() < deadline) {
      // kubectl may have no credentials for it, or those of a cluster of before.
      await attempt('kind', ['export', 'kubeconfig', '--name', this.name]);
      state = await this.state();
      if (isMute(state)) await clock.sleep(1000);
    }
    if (state === 'ours') {
      await this.kubectl.run(['wait', '--for=condition=Ready', 'nodes', '--all', '--timeout=90s']);
    }
    return state;
  }

  /**
   * Ports can't be added to or moved in a cluster that exists.
   * @throws {CliError} that names those that the configuration has otherwise
   */
  async requirePorts(config: Config): Promise<void> {
    const [controlPlane] = await this.nodes();
    if (controlPlane === undefined) return;
    const bindings = portBindings.parse(await this.inspect('.HostConfig.PortBindings'));
    const wanted = mappedPorts(templateOf(config), config.localPorts);
    const moved = Object.entries(wanted).flatMap(([field, port]) => {
      const nodePort = Object.entries(NODE_PORTS).find(([name]) => name === field)?.[1];
      const bound = nodePort === undefined ? undefined : bindings[`${nodePort}/tcp`]?.[0]?.HostPort;
      return bound === String(port)
        ? []
        : [`localPorts.${field} is ${port}, in the cluster ${bound ?? 'not mapped'}`];
    });
    if (moved.length > 0) {
      throw new CliError(
        `The kind cluster "${this.name}" was made with other ports: ${moved.join('; ')}.`,
        `Ports of a cluster never change: set localPorts to what it has, or ${MAKE_ANEW}.`,
      );
    }
    if (config.mobile.lanAddress !== undefined && !listensForPhones(bindings)) {
      throw new CliError(
        `mobile.lanAddress is ${config.mobile.lanAddress}, but the kind cluster "${this.name}" was made without it: no phone reaches it.`,
        `Leave it out, or ${MAKE_ANEW}.`,
      );
    }
  }

  /** The folder that it mounts is one for good, too. */
  private async requireSources(config: Config): Promise<void> {
    if (!APPS.some((app) => isMounted(config, app))) return;
    const folder = sourcesIn(templateOf(config));
    const wanted = join(ROOT, 'apps');
    const binds = z
      .array(z.string())
      .nullable()
      .parse(await this.inspect('.HostConfig.Binds'));
    const [mounted] = (binds ?? []).flatMap((bind) => {
      const [from, to] = bind.split(/:(?=\/)/);
      return to?.split(':')[0] === folder ? [from] : [];
    });
    if (mounted === wanted) return;
    throw new CliError(
      `The kind cluster "${this.name}" has ${mounted === undefined ? 'no checkout' : mounted} mounted, not ${wanted}.`,
      `Run the command in the checkout that it was made from; or run images: \`sources: image\` of api, web and mobile in a file that ZAKPOS_CONFIG names; or ${MAKE_ANEW}.`,
    );
  }

  /** What docker knows of the node that has the ports and the sources. */
  private async inspect(field: string): Promise<unknown> {
    const [controlPlane = ''] = await this.nodes();
    return JSON.parse(await run('docker', ['inspect', '--format', `{{json ${field}}}`, controlPlane]));
  }
}

const MAKE_ANEW = 'make it anew (`npm run down`, then `npm run up`; its data is lost)';

/** Name of an environment's cluster when none is named: dev's is simply the product's. */
export const clusterOf = (environment: string): string =>
  environment === 'dev' ? 'zakpos' : `zakpos-${environment}`;

/** kind's configuration of an environment's cluster. */
export const templateOf = ({ environment }: Config): string =>
  readFileSync(join(ROOT, kindConfigOf(environment)), 'utf8');

const nodeList = z.object({
  items: z.array(z.object({ metadata: z.object({ labels: z.record(z.string(), z.string()) }) })),
});
const isOfProject = ({ stdout }: RunResult): boolean =>
  nodeList.parse(JSON.parse(stdout)).items.every(({ metadata }) => CLUSTER_LABEL in metadata.labels);

/** Whether it runs, and kubectl can't tell more of it. */
const isMute = (state: ClusterState): boolean => state === 'silent' || state === 'unknown';
const exportCommand = (name: string): string => `kind export kubeconfig --name ${name}`;

const portBindings = z.record(
  z.string(),
  z.array(z.object({ HostPort: z.string(), HostIp: z.string().default('') })).nullable(),
);
const listensForPhones = (bindings: z.output<typeof portBindings>): boolean =>
  bindings[`${NODE_PORTS.mobile}/tcp`]?.[0]?.HostIp === '0.0.0.0';
