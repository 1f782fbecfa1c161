/** A project of Docker Compose, with a folder for its file and what its services mount. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { NAMESPACE, shop } from '../shop.ts';
import { toolOf } from '../tools.ts';
import { writeCompose } from './compose.ts';
import { renderedFiles } from './rendered.ts';

/** Longer than any start that is worth a figure. */
const PATIENCE_SECONDS = 300;

export class ComposeProject {
  private readonly folder = mkdtempSync(join(tmpdir(), 'zakpos-bench-'));
  private readonly name: string;
  private readonly write: (folder: string) => string | Promise<string>;
  private file = '';
  private program = '';

  /** @param write writes the Compose file into a folder, and answers its path */
  constructor(name: string, write: (folder: string) => string | Promise<string>) {
    this.name = name;
    this.write = write;
  }

  /** @throws {Unavailable} without Compose */
  async prepare(): Promise<void> {
    this.program = await toolOf('docker compose');
    this.file = await this.write(this.folder);
    await this.down();
  }

  /** Runs Compose with arguments such as `up`, `--detach`. */
  compose(...args: readonly string[]) {
    const project = ['--project-name', this.name, '--file', this.file];
    return execa(this.program, [...project, ...args], { all: true, stdin: 'ignore' });
  }

  /** Runs a program in a service. */
  exec(service: string, ...command: readonly string[]) {
    return execa('docker', ['exec', `${this.name}-${service}-1`, ...command], { stdin: 'ignore' });
  }

  /** Waits until a program in a service succeeds. */
  async until(service: string, ...command: readonly string[]): Promise<void> {
    const ends = Date.now() + PATIENCE_SECONDS * 1000;
    for (;;) {
      try {
        await this.exec(service, ...command);
        return;
      } catch (error) {
        if (Date.now() > ends) throw error;
        await sleep(20);
      }
    }
  }

  /** Nothing of it is left, its volumes among it. */
  async down(): Promise<void> {
    await this.compose('down', '--volumes', '--timeout', '5');
  }

  async remove(): Promise<void> {
    if (this.file !== '') await this.down();
    rmSync(this.folder, { recursive: true });
  }
}

/** All of the shop as a Compose project, or what a change of its file leaves of it. */
export const shopProject = (name: string, change?: (path: string) => void): ComposeProject =>
  new ComposeProject(name, async (folder) => {
    const manifests = await shop.render(join(folder, 'rendered'));
    const path = writeCompose(renderedFiles(manifests), NAMESPACE, join(folder, 'compose'));
    change?.(path);
    return path;
  });
