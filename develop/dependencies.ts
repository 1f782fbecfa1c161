/** Whether an app's packages are those that the image has. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { log } from './log.ts';

const FILES = ['package.json', 'package-lock.json'];

export class Dependencies {
  private readonly app: string;
  private readonly image: string;
  private readonly folder: string;
  private told = '';

  constructor(props: {
    readonly app: string;
    /** Folder with the files that the image was made from. */
    readonly image: string;
    /** Folder with those of now. */
    readonly folder: string;
  }) {
    this.app = props.app;
    this.image = props.image;
    this.folder = props.folder;
  }

  /** Says once of each change that it takes another image. */
  async check(): Promise<void> {
    const [has, wants] = await Promise.all([textsIn(this.image), textsIn(this.folder)]);
    const differing = FILES.filter((_, i) => has[i] !== wants[i]);
    const now = differing.length === 0 ? '' : wants.join('\0');
    if (now === this.told) return;
    this.told = now;
    if (differing.length === 0) return;
    log(
      'warn',
      `${differing.map((file) => `apps/${this.app}/${file}`).join(' and ')} changed: the packages here are those of before. \`npm run up\` builds an image with the others and rolls this pod.`,
    );
  }
}

const textsIn = (folder: string): Promise<string[]> =>
  Promise.all(FILES.map((file) => readFile(join(folder, file), 'utf8').catch(() => '')));
