/**
 * Keeps a folder the same as one that is mounted. Its files are looked at again and again: no event tells of a change
 * that was made on the other side of macOS' or WSL's mount.
 */
import { mkdir, readdir, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isSystemError } from './log.ts';

/** What is installed, made, or of this machine alone; it is never brought, and never taken away. */
const LEFT =
  /^(node_modules|dist|build|coverage|test|\.next|\.expo|\.swc|\.git|\.env.*|next-env\.d\.ts|\.compiled|\.packages\.mjs|.*\.tsbuildinfo)$/;
/** Until an editor, or git, has written all that it is about to write. */
const SETTLE_MS = 50;

/** Paths, and what tells a file from an earlier one of its name. */
type Look = ReadonlyMap<string, string>;

export class Mirror {
  private readonly from: string;
  private readonly to: string;
  private known: Look | undefined;

  constructor(from: string, to: string) {
    this.from = from;
    this.to = to;
  }

  /**
   * Brings what has changed since the last time, takes away what is gone, and answers the paths of both, sorted; at first,
   * all paths, since nobody here has seen what is there already.
   */
  async bring(): Promise<string[]> {
    // A container that was restarted finds what the one before has brought.
    const known = this.known ?? (await lookAt(this.to));
    let now = await lookAt(this.from);
    if (this.known !== undefined && isSame(known, now)) return [];
    for (let before = now; ; before = now) {
      await sleep(SETTLE_MS);
      now = await lookAt(this.from);
      if (isSame(before, now)) break;
    }
    const changed: string[] = [];
    for (const path of known.keys()) {
      if (now.has(path)) continue;
      await this.takeAway(path);
      changed.push(path);
    }
    for (const [path, mark] of now) {
      if (this.known?.get(path) === mark) continue;
      if ((await this.copy(path)) || this.known === undefined) changed.push(path);
    }
    this.known = now;
    return changed.sort();
  }

  /** Answers whether its content is another one. */
  private async copy(path: string): Promise<boolean> {
    const target = join(this.to, path);
    const content = await readFile(join(this.from, path));
    const present = await readFile(target).catch(() => undefined);
    if (present?.equals(content) === true) return false;
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content);
    return true;
  }

  /** With the folders that it leaves empty. */
  private async takeAway(path: string): Promise<void> {
    await rm(join(this.to, path), { force: true });
    for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) {
      try {
        await rmdir(join(this.to, folder));
      } catch {
        return;
      }
    }
  }
}

async function lookAt(folder: string, below = '', found = new Map<string, string>()): Promise<Look> {
  for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
    if (LEFT.test(entry.name)) continue;
    const path = join(below, entry.name);
    try {
      if (entry.isDirectory()) await lookAt(folder, path, found);
      else if (entry.isFile()) {
        const { mtimeNs, ctimeNs, size } = await stat(join(folder, path), { bigint: true });
        found.set(path, `${mtimeNs} ${ctimeNs} ${size}`);
      }
    } catch (error) {
      // It went while it was looked at.
      if (!isSystemError(error, 'ENOENT')) throw error;
    }
  }
  return found;
}

const isSame = (before: Look, now: Look): boolean =>
  before.size === now.size && [...now].every(([path, mark]) => before.get(path) === mark);
