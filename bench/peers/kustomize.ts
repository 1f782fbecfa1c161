/** A base of our files, and an overlay that sets images, replicas and the host. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { withSettings, type RenderedFile } from './rendered.ts';

/** Gives the folder of the overlay, which is what is built. */
export function writeKustomization(files: readonly RenderedFile[], folder: string): string {
  const [base, overlay] = [join(folder, 'base'), join(folder, 'overlay')];
  mkdirSync(base, { recursive: true });
  mkdirSync(overlay, { recursive: true });
  for (const { name, objects } of files) {
    writeFileSync(
      join(base, `${name}.yaml`),
      objects.map((object) => stringify(object, { lineWidth: 0 })).join('---\n'),
    );
  }
  const images = new Set<string>();
  withSettings(files, (setting, value) => {
    if (setting === 'image') images.add(String(value));
    return value;
  });
  writeFileSync(
    join(base, 'kustomization.yaml'),
    stringify({ resources: files.map(({ name }) => `${name}.yaml`) }),
  );
  writeFileSync(
    join(overlay, 'kustomization.yaml'),
    stringify({
      resources: ['../base'],
      images: [...images].map((image) => {
        const [name, newTag] = image.split(/:(?!.*:)/);
        return { name, newTag };
      }),
      replicas: files
        .flatMap(({ objects }) => objects)
        .flatMap(({ metadata, spec }) =>
          spec?.replicas === undefined ? [] : [{ name: metadata.name, count: spec.replicas }],
        ),
    }),
  );
  return overlay;
}
