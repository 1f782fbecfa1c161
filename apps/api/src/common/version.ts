import { readFileSync } from 'node:fs';

import { z } from 'zod';

const manifest = z.object({ version: z.string() });

function findManifest(folder: URL): string {
  try {
    return readFileSync(new URL('package.json', folder), 'utf8');
  } catch (error) {
    const parent = new URL('..', folder);
    if (parent.href === folder.href) throw error;
    return findManifest(parent);
  }
}

export const VERSION = manifest.parse(JSON.parse(findManifest(new URL('.', import.meta.url)))).version;
