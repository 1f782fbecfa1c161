/** A cluster that answers as it is told to, and what the checks of `verify` are given of it. */
import type { ContainerStatus, Snapshot } from '../../../cli/components.ts';
import type { Manifest } from '../../../cli/environment.ts';
import type { Context, Verdict } from '../../../cli/verify/check.ts';
import type { Config } from '../../../environments/schema.ts';
import { configWith, defined } from '../../manifests.ts';
import { FakeKubectl, type Answer } from '../fakes.ts';

/** Patterns of calls of kubectl, and what each says: an object as JSON, a text as it is, or that it fails. */
export type Answers = readonly (readonly [RegExp, Said | ((text: string) => Said)])[];
type Said = object | string | Failure;

const isFunction = (said: object | string): said is (text: string) => Said => typeof said === 'function';

export class Failure {
  readonly stderr: string;
  readonly stdout: string;

  constructor(stderr: string, stdout = '') {
    this.stderr = stderr;
    this.stdout = stdout;
  }
}

/** The first answer whose pattern fits is given; what nobody has foreseen is an error. */
export const answering = (answers: Answers): FakeKubectl =>
  new FakeKubectl((args, input): Answer => {
    const text = [...args, ...(input === undefined ? [] : [input])].join(' ');
    const [, found] = defined(
      answers.find(([pattern]) => pattern.test(text)),
      `answer to ${text}`,
    );
    const said = isFunction(found) ? found(text) : found;
    if (said instanceof Failure) return { ok: false, stdout: said.stdout, stderr: said.stderr };
    return { stdout: typeof said === 'string' ? said : JSON.stringify(said) };
  });

export const contextOf = (
  answers: Answers,
  own: {
    readonly config?: Config;
    readonly objects?: readonly Manifest[];
    readonly snapshot?: Snapshot;
    readonly drill?: boolean;
    readonly restart?: readonly string[];
  } = {},
): Context & { readonly kubectl: FakeKubectl } => ({
  config: own.config ?? configWith('dev'),
  kubectl: answering(answers),
  onKind: true,
  rendered: {
    folder: 'dist/dev',
    files: ['dist/dev/10-api.yaml'],
    registrations: [],
    crds: undefined,
    objects: own.objects ?? [],
    definitions: [],
    digest: 'x',
  },
  snapshot: own.snapshot ?? [],
  flags: '--env dev',
  drill: own.drill ?? false,
  restart: own.restart ?? [],
});

export const LINE = { note: (): void => undefined, rename: (): void => undefined };

/** What was found, as people read it. */
export const told = ({ findings }: Verdict): string[] =>
  findings.map(({ thing, fact }) => `${thing} ${fact}`);

export const minutesAgo = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString();

/** What kubectl prints of a list. */
export const list = (...items: readonly object[]): object => ({ items });
/** Values of a Secret as kubectl prints them. */
export const encoded = (data: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(data).map(([key, text]): [string, string] => [key, Buffer.from(text).toString('base64')]),
  );
/** Things that only have a name. */
export const named = (...names: readonly string[]): object =>
  list(...names.map((name) => ({ metadata: { name } })));

/** A pod of a StatefulSet that has one container, as it was seen. */
export const pod = (
  name: string,
  owner: string,
  {
    image = 'api:1',
    ready = true,
    container = {},
  }: {
    readonly image?: string;
    readonly ready?: boolean;
    readonly container?: Partial<ContainerStatus>;
  } = {},
): Snapshot[number] => ({
  kind: 'Pod',
  metadata: {
    name,
    namespace: 'zakpos',
    labels: {},
    creationTimestamp: minutesAgo(60),
    ownerReferences: [{ kind: 'StatefulSet', name: owner }],
  },
  spec: { containers: [{ name: 'main', image, resources: { limits: {} } }] },
  status: {
    phase: 'Running',
    conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    initContainerStatuses: [],
    containerStatuses: [
      {
        name: 'main',
        ready,
        restartCount: 0,
        image,
        imageID: `sha256:${'a'.repeat(64)}`,
        state: { running: {} },
        lastState: {},
        ...container,
      },
    ],
  },
});

/** A StatefulSet as it was seen. */
export const set = (name: string, readyReplicas = 1): Snapshot[number] => ({
  kind: 'StatefulSet',
  metadata: { name, namespace: 'zakpos', generation: 1 },
  spec: { replicas: 1 },
  status: {
    observedGeneration: 1,
    replicas: 1,
    updatedReplicas: 1,
    readyReplicas,
    currentRevision: 'a',
    updateRevision: 'a',
  },
});

/** The manifest of a StatefulSet with one container. */
export const manifest = (name: string, image = 'api:1'): Manifest => ({
  kind: 'StatefulSet',
  metadata: { name, namespace: 'zakpos' },
  spec: { template: { spec: { containers: [{ name: 'main', image }] } } },
});
