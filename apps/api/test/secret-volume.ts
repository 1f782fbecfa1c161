import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';

/** A folder that changes as the kubelet changes a Secret's volume: all files at once, by one link. */
export class SecretVolume {
  constructor(readonly folder: string) {
    mkdirSync(folder, { recursive: true });
  }

  path(key: string): string {
    return join(this.folder, key);
  }

  write(files: Readonly<Record<string, string>>): void {
    const before = readdirSync(this.folder).filter((name) => name.startsWith('..generation'));
    const now = mkdtempSync(this.path('..generation'));
    for (const [key, content] of Object.entries(files)) writeFileSync(join(now, key), content);
    symlinkSync(basename(now), this.path('..next'));
    renameSync(this.path('..next'), this.path('..data'));
    for (const key of Object.keys(files)) {
      if (!existsSync(this.path(key))) symlinkSync(join('..data', key), this.path(key));
    }
    for (const key of readdirSync(this.folder)) {
      if (!key.startsWith('..') && !(key in files)) rmSync(this.path(key));
    }
    for (const name of before) rmSync(this.path(name), { recursive: true });
  }
}
