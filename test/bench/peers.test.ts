import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { writeHelmChart } from '../../bench/peers/helm.ts';
import { writeKustomization } from '../../bench/peers/kustomize.ts';
import type { RenderedFile } from '../../bench/peers/rendered.ts';
import { works } from '../../bench/works.ts';

const FILES: readonly RenderedFile[] = [
  {
    name: '50-api',
    objects: [
      {
        kind: 'Deployment',
        metadata: { name: 'zakpos-api' },
        spec: { replicas: 2, template: { spec: { containers: [{ image: 'acme/api:1', name: 'api' }] } } },
      },
      { kind: 'ConfigMap', metadata: { name: 'rules' }, data: { rule: 'Sales of {{ $labels.pod }}' } },
    ],
  },
];

describe('what peers render from is our objects', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'zakpos-peers-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  test("in Helm's templates, with its values put in and its braces read as text", () => {
    writeHelmChart(FILES, folder);
    const values = z
      .record(z.string(), z.union([z.string(), z.number()]))
      .parse(parse(readFileSync(join(folder, 'charts/50-api/values.yaml'), 'utf8')));
    expect(Object.values(values)).toEqual([2, 'acme/api:1']);
    const rendered = readFileSync(join(folder, 'charts/50-api/templates/objects.yaml'), 'utf8')
      .replaceAll(/\{\{ \.Values\.(\w+) \| toJson \}\}/g, (_, key: string) => JSON.stringify(values[key]))
      .replaceAll('{{ "{{" }}', '{{');
    expect(parseAllDocuments(rendered).map((document) => z.unknown().parse(document.toJS()))).toEqual(
      FILES[0]?.objects,
    );
  });

  test("in kustomize's base, with an overlay that sets each image and number of replicas", () => {
    const overlay = writeKustomization(FILES, folder);
    expect(readdirSync(join(folder, 'base')).sort()).toEqual(['50-api.yaml', 'kustomization.yaml']);
    expect(parse(readFileSync(join(overlay, 'kustomization.yaml'), 'utf8'))).toEqual({
      resources: ['../base'],
      images: [{ name: 'acme/api', newTag: '1' }],
      replicas: [{ name: 'zakpos-api', count: 2 }],
    });
  });
});

test('works and figures have names of their own, and each goal names a side of its work', () => {
  const all = works();
  const ids = [all.map(({ id }) => id), all.flatMap(({ figures }) => figures.map(({ id }) => id))];
  for (const each of ids) expect(new Set(each).size).toBe(each.length);
  for (const { figures, sides } of all) {
    const named = figures.flatMap(({ goals }) => goals.flatMap(({ than }) => than ?? []));
    expect(sides.map(({ name }) => name)).toEqual(expect.arrayContaining(named));
  }
});
