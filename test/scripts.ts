/** Runs the very scripts of a container on this machine: its files below a folder, its programs stood in for. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { configMaps, defined, only, workload, type Container, type Rendered } from './manifests.ts';

/** Folders of a container that are folders below the stage; programs are this machine's. */
const FOLDERS =
  /(?<![\w./-])\/(?:data|docker-entrypoint-initdb\.d|etc|opt|run|tmp|usr\/local\/etc|var)(?![\w.-])/g;
/** What Confluent's images are started by. */
const CONFLUENT_RUN = '/etc/confluent/docker/run';

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Contents of Secrets by their names. */
export type SecretFiles = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** A container whose mounts are folders of this machine; scripts that name them find them there. */
export class Stage {
  readonly container: Container;
  private readonly root: string;
  private readonly bin: string;

  constructor(rendered: Rendered, name: string, secrets: SecretFiles) {
    const { pod, namespace } = workload(rendered, name);
    this.container = only(pod.containers, `container of ${name}`);
    this.root = mkdtempSync(join(tmpdir(), 'zakpos-stage-'));
    this.bin = join(this.root, 'bin');
    mkdirSync(this.bin);
    writeFileSync(this.log, '');
    for (const { name: volumeName, mountPath } of this.container.volumeMounts) {
      mkdirSync(this.at(mountPath), { recursive: true });
      const volume = pod.volumes.find((each) => each.name === volumeName);
      const { data: files = {} } =
        configMaps(rendered).find(
          (map) => map.name === volume?.configMap?.name && map.namespace === namespace,
        ) ?? {};
      for (const [file, text] of Object.entries(files)) this.write(`${mountPath}/${file}`, text);
      const secret = secrets[volume?.secret?.secretName ?? ''] ?? {};
      for (const [key, text] of Object.entries(secret)) this.write(`${mountPath}/${key}`, text);
    }
    this.write(CONFLUENT_RUN, '#!/bin/sh\nenv\n');
  }

  /** Where a path of the container is on this machine. */
  at(path: string): string {
    return join(this.root, path);
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(this.at(path)), { recursive: true });
    writeFileSync(this.at(path), this.moved(text), { mode: 0o755 });
  }

  read(path: string): string {
    return this.original(readFileSync(this.at(path), 'utf8'));
  }

  /** Stands in for a program with some lines of sh. */
  program(name: string, script = ''): void {
    writeFileSync(
      join(this.bin, name),
      `#!/bin/sh\necho "${name} $*" >> ${this.log}\n${this.moved(script)}\n`,
      { mode: 0o755 },
    );
  }

  /** Calls of programs, a line each; paths are the container's. */
  calls(name = ''): string[] {
    return this.original(readFileSync(this.log, 'utf8'))
      .split('\n')
      .filter((call) => call !== '' && call.startsWith(name === '' ? '' : `${name} `));
  }

  /** Runs a command of the container, by default its own, to the end of all that it starts. */
  run(command: readonly string[] = this.container.command, variables: Record<string, string> = {}): Ran {
    const [program, ...args] = command.map((word) => this.moved(word));
    const env = Object.fromEntries(
      this.container.env.flatMap(({ name, value }) =>
        value === undefined ? [] : [[name, this.moved(value)]],
      ),
    );
    // A file, since what Node makes for errors can't be opened by the name /dev/stderr; and nothing to read, since bash
    // takes a socket there for somebody who logs in.
    const errors = openSync(this.at('/errors'), 'w');
    try {
      const { status, stdout } = spawnSync(defined(program, 'command'), args, {
        stdio: ['ignore', 'pipe', errors],
        env: { ...env, PATH: `${this.bin}:${process.env.PATH ?? ''}`, ...variables },
        encoding: 'utf8',
        timeout: 30_000,
      });
      return { status, stdout: this.original(stdout), stderr: this.read('/errors') };
    } finally {
      closeSync(errors);
    }
  }

  remove(): void {
    rmSync(this.root, { recursive: true });
  }

  private get log(): string {
    return join(this.root, 'calls');
  }

  private moved(text: string): string {
    return text.replace(FOLDERS, (path) => this.at(path));
  }

  private original(text: string): string {
    return text.replaceAll(this.root, '');
  }
}

/** Runs something with the container of a workload, whose files are gone afterwards. */
export function onStage<T>(
  rendered: Rendered,
  name: string,
  secrets: SecretFiles,
  use: (stage: Stage) => T,
): T {
  const stage = new Stage(rendered, name, secrets);
  try {
    return use(stage);
  } finally {
    stage.remove();
  }
}
