/** kubectl against one context. What it answers is parsed with a schema of just what is read. */
import type { z } from 'zod';
import { CliError } from './errors.ts';
import {
  attach,
  attempt,
  lastLines,
  pipe,
  start,
  type Running,
  type RunOptions,
  type RunResult,
} from './exec.ts';

/** Seconds that any one call may take; applying a hundred objects to a slow cluster takes a few. */
const TIMEOUT_SECONDS = 120;

export class Kubectl {
  readonly context: string;

  constructor(context: string) {
    this.context = context;
  }

  /** Runs it to its end, whatever that is. */
  attempt(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return attempt('kubectl', ['--context', this.context, ...args], {
      timeoutSeconds: TIMEOUT_SECONDS,
      ...options,
    });
  }

  /**
   * What a successful call prints.
   * @throws {CliError} with what kubectl said and what to do about it
   */
  async run(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const result = await this.attempt(args, options);
    if (!result.ok) throw this.explain(result.stderr);
    return result.stdout;
  }

  /**
   * What a command in a pod prints, which is given `input`.
   * @throws {CliError} also when the connection to the pod is lost before the command has ended
   */
  async runInPod(namespace: string, pod: string, command: readonly string[], input: string): Promise<string> {
    const said = await this.run(['-n', namespace, 'exec', '-i', pod, '--', ...sayingEnd(command)], { input });
    if (said.endsWith(ENDED)) return said.slice(0, -ENDED.length).trimEnd();
    throw new CliError(
      `The connection to ${pod} was lost while ${command[0] ?? ''} ran there.`,
      'Run the same command again: it continues where it stopped.',
    );
  }

  /** Feeds what one call prints to another one, however much that is and however long it takes. */
  pipe(
    from: readonly string[],
    to: readonly string[],
    onBytes?: (total: number) => void,
  ): Promise<Omit<RunResult, 'notFound'>> {
    const context = ['--context', this.context];
    return pipe('kubectl', [...context, ...from], [...context, ...to], onBytes);
  }

  /** Runs what goes on until it is stopped, and hands over each line that it prints. */
  start(args: readonly string[], onLine: (line: string) => void): Running {
    return start('kubectl', ['--context', this.context, ...args], onLine);
  }

  /** Runs it with the terminal of this process and answers its exit code; {@link attach} says how. */
  attach(args: readonly string[], stdin?: 'inherit' | 'open'): Promise<number> {
    return attach('kubectl', ['--context', this.context, ...args], stdin);
  }

  /**
   * Uses a port of a pod as one of this machine: past network policies, which needn't let in the API server for that.
   * @throws {CliError} with what kubectl said, when it can't be had
   */
  async withPort<T>(
    { namespace, pod, port }: { readonly namespace: string; readonly pod: string; readonly port: number },
    use: (url: string) => Promise<T>,
  ): Promise<T> {
    let open: (port: string) => void = () => undefined;
    const opened = new Promise<string>((resolve) => (open = resolve));
    const forward = this.start(['-n', namespace, 'port-forward', pod, `:${port}`], (line) => {
      const [, local] = /^Forwarding from 127\.0\.0\.1:(\d+) /.exec(line) ?? [];
      if (local !== undefined) open(local);
    });
    const failed = forward.ended.then(({ stderr }) => {
      throw this.explain(stderr || `port ${port} of ${pod} was closed`);
    });
    try {
      return await Promise.race([opened.then((local) => use(`http://127.0.0.1:${local}`)), failed]);
    } finally {
      // Nobody waits for its end any more.
      failed.catch(() => undefined);
      forward.stop();
    }
  }

  /** The answer to `… -o json`; `undefined` where it prints nothing. */
  async json<T>(schema: z.ZodType<T>, args: readonly string[]): Promise<T | undefined> {
    const text = await this.run([...args, '-o', 'json']);
    return text.trim() === '' ? undefined : schema.parse(JSON.parse(text));
  }

  /** The command as a person types it, for messages. */
  command(rest: string): string {
    return `kubectl --context ${this.context} ${rest}`;
  }

  /** What an error of kubectl means and what to do about it. */
  explain(stderr: string): CliError {
    const said = lastLines(stderr);
    const known = EXPLANATIONS.find(({ pattern }) => pattern.test(said));
    if (known === undefined) {
      return new CliError(
        `kubectl failed: ${said}`,
        'Put right what it names, then run the same command again: it continues where it stopped.',
      );
    }
    return new CliError(`${known.problem(this.context)}: ${said}`, known.fix(this));
  }
}

/** The last line of what {@link sayingEnd} prints. */
export const ENDED = 'ended well';
/**
 * A command for a pod that says when it has ended well: by its exit code, `kubectl exec` succeeds as well where the
 * connection was lost meanwhile, and nobody knows what came of the command (kubernetes/kubectl#1726).
 */
export const sayingEnd = (command: readonly string[]): string[] => [
  ...['sh', '-c', `"$@" && echo ${ENDED}`, 'sh'],
  ...command,
];

/** What kubectl says where its configuration lacks the context, or is empty. */
export const NO_CONTEXT = /context ".*" does not exist|no context exists|context was not found/;

interface Explanation {
  readonly pattern: RegExp;
  readonly problem: (context: string) => string;
  readonly fix: (kubectl: Kubectl) => string;
}

const EXPLANATIONS: readonly Explanation[] = [
  {
    pattern: NO_CONTEXT,
    problem: (context) => `kubectl knows no context "${context}"`,
    fix: () => '`kubectl config get-contexts` lists the ones it knows; name one of them with --context.',
  },
  {
    pattern:
      /connection refused|was refused|unable to connect|i\/o timeout|no such host|TLS handshake timeout|did not answer within|deadline exceeded/i,
    problem: (context) => `The cluster of context "${context}" does not answer`,
    fix: (kubectl) => `Start it, then try \`${kubectl.command('cluster-info')}\` until that answers.`,
  },
  {
    pattern: /must be logged in|Unauthorized|certificate signed by unknown authority/,
    problem: (context) => `The cluster of context "${context}" does not accept your credentials`,
    fix: () => 'Log in to the cluster again, or name another context with --context.',
  },
  {
    pattern: /is forbidden: User/,
    problem: (context) => `Your user may not do this in the cluster of context "${context}"`,
    fix: () => 'Use a context whose user may, or have the cluster role bound to this one.',
  },
  {
    pattern: /updates to statefulset spec|field is immutable/,
    problem: () => 'A field changed that Kubernetes does not let change',
    fix: (kubectl) =>
      'Put the old value back; or delete that object alone and run again: its pods and claims stay with ' +
      `\`${kubectl.command('-n NAMESPACE delete KIND NAME --cascade=orphan')}\`.`,
  },
];
