/** An umbrella chart of Helm with one chart for each of our files, and values for images, replicas, hosts and sizes. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { withSettings, type RenderedFile } from './rendered.ts';

const MARK = 'bench-value-';

export function writeHelmChart(files: readonly RenderedFile[], folder: string): void {
  const values: Record<string, Record<string, string | number>> = {};
  for (const { name, objects } of files) {
    const chart = join(folder, 'charts', name);
    mkdirSync(join(chart, 'templates'), { recursive: true });
    const own: Record<string, string | number> = {};
    const text = objects
      .map((object) =>
        withSettings(object, (setting, value) => {
          const key = `${setting}${Object.keys(own).length}`;
          own[key] = value;
          return `${MARK}${key}`;
        }),
      )
      .map((object) => stringify(object, { lineWidth: 0 }))
      .join('---\n');
    writeFileSync(join(chart, 'Chart.yaml'), chartFile(name));
    writeFileSync(join(chart, 'values.yaml'), stringify(own));
    // Braces of our own are text, as in the messages of alerts.
    writeFileSync(
      join(chart, 'templates/objects.yaml'),
      text
        .replaceAll('{{', '{{ "{{" }}')
        .replaceAll(new RegExp(`${MARK}(\\w+)`, 'g'), '{{ .Values.$1 | toJson }}'),
    );
    values[name] = own;
  }
  writeFileSync(join(folder, 'Chart.yaml'), chartFile('zakpos'));
  writeFileSync(join(folder, 'values.yaml'), stringify(values));
}

const chartFile = (name: string): string => stringify({ apiVersion: 'v2', name, version: '1.0.0' });
