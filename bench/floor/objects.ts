/** What cdk8s itself takes for objects that are there already: no configuration, no charts of ours and no policies. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ApiObject, App, Chart } from 'cdk8s';
import { z } from 'zod';

const OUTDIR = process.env.CDK8S_OUTDIR ?? 'dist';
const object = z.looseObject({ apiVersion: z.string(), kind: z.string() });
/** By environment, and by file. */
const all = z.record(z.string(), z.record(z.string(), z.array(object)));

for (const [environment, files] of Object.entries(
  all.parse(JSON.parse(readFileSync(process.env.BENCH_OBJECTS ?? '', 'utf8'))),
)) {
  const app = new App({ outdir: join(OUTDIR, environment), outputFileExtension: '.yaml' });
  for (const [file, objects] of Object.entries(files)) {
    const chart = new Chart(app, file);
    objects.forEach((each, i) => new ApiObject(chart, String(i), each));
  }
  app.synth();
}
