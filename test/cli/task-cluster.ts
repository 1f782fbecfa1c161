/** A cluster in memory that runs the API's single tasks. */
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { Kubectl } from '../../cli/kubectl.ts';
import { FakeKubectl, whileTesting, type Answer } from './fakes.ts';

const LOOK = 'get jobs,pods -o json';
const jobSchema = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string() }),
  spec: z.object({
    template: z.object({
      spec: z.object({
        containers: z.tuple([
          z.object({
            image: z.string(),
            command: z.array(z.string()),
            env: z.array(z.object({ name: z.string(), value: z.string().optional() })),
          }),
        ]),
      }),
    }),
  }),
});

/** A task as it was applied. */
export interface AppliedTask {
  readonly namespace: string;
  readonly command: string;
  readonly database: string;
  readonly image: string;
}

/** What comes of a task, and what it says. */
export interface Outcome {
  readonly ok: boolean;
  readonly says: string;
}

/** While the tests of this file run, all commands talk to a cluster. */
export function connect(cluster: () => TaskCluster): void {
  whileTesting(Kubectl.prototype, 'attempt', function (this: Kubectl, args, options) {
    return cluster().kubectl.attempt(['--context', this.context, ...args], options);
  });
}

export class TaskCluster {
  /** What happened, in words. */
  readonly events: string[] = [];
  readonly kubectl = new FakeKubectl((args, input) => this.answer(args, input ?? ''));
  /** The environment of each namespace that there is. */
  readonly namespaces: Record<string, string> = {};
  /** Names of the Jobs that are there. */
  readonly jobs = new Map<string, Outcome>();
  /** Files that were applied. */
  readonly files: string[] = [];
  /** What a task does. */
  run: (task: AppliedTask) => Outcome = () => ({ ok: true, says: '' });

  /** Answers what only some commands ask for. */
  private readonly others: (call: string, input: string) => Answer;

  constructor(others?: (call: string, input: string) => Answer) {
    this.others =
      others ??
      ((call) => {
        throw new Error(`nobody knows how to ${call}`);
      });
  }

  private answer([, context, ...args]: readonly string[], input: string): Answer {
    const namespace = args[0] === '-n' ? (args[1] ?? '') : '';
    const call = (namespace === '' ? args : args.slice(2)).join(' ');
    const [, asked] = /^get namespace (\S+) --ignore-not-found -o jsonpath=/.exec(call) ?? [];
    if (asked !== undefined) return { stdout: this.namespaces[`${context ?? ''}/${asked}`] ?? '' };
    const [, job, rest = ''] = /^delete job[ /](\S+)(.*)$/.exec(call) ?? [];
    if (job !== undefined) {
      const isThere = this.jobs.delete(job);
      if (isThere)
        this.events.push(
          rest.includes('serviceaccount/') ? 'the task is removed' : 'a task of before is removed',
        );
      return {};
    }
    const [, file] =
      /^apply --server-side --force-conflicts --validate=false -f (\S+task\.yaml)$/.exec(call) ?? [];
    if (file !== undefined) return this.apply(file);
    if (call === LOOK) return { stdout: JSON.stringify({ items: this.seen(namespace) }) };
    const [, said] = /^logs job\/(\S+)$/.exec(call) ?? [];
    if (said !== undefined) return { stdout: this.jobs.get(said)?.says ?? '' };
    return this.others(call, input);
  }

  private apply(file: string): Answer {
    this.files.push(file);
    for (const document of parseAllDocuments(readFileSync(file, 'utf8'))) {
      const job = jobSchema.safeParse(document.toJS());
      if (!job.success) continue;
      const { metadata, spec } = job.data;
      const [{ image, command, env }] = spec.template.spec.containers;
      const url = env.find(({ name }) => name === 'DATABASE_URL')?.value ?? '';
      const task = {
        namespace: metadata.namespace,
        command: command.join(' '),
        database: new URL(url).pathname.slice(1),
        image,
      };
      if (this.jobs.has(metadata.name)) throw new Error('a Job can not be changed');
      this.events.push(`${task.command} in ${task.namespace} on ${task.database}`);
      this.jobs.set(metadata.name, this.run(task));
    }
    return {};
  }

  private seen(namespace: string): object[] {
    return [...this.jobs].map(([name, { ok }]) => ({
      kind: 'Job',
      metadata: { name, namespace },
      status: ok
        ? { succeeded: 1 }
        : { conditions: [{ type: 'Failed', status: 'True', message: 'Job has reached its backoff limit' }] },
    }));
  }
}
