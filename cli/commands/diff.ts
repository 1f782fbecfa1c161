/** `npm run diff`: what an apply would change, in words and as YAML. Nothing is written anywhere. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Config } from '../../environments/schema.ts';
import { changesBetween } from '../diff/changes.ts';
import { compareWithCluster, impossible, otherRelease } from '../diff/cluster.ts';
import { isEmpty, reportOf, type Comparison } from '../diff/report.ts';
import { preview, readConfig, readManifests } from '../environment.ts';
import { CliError } from '../errors.ts';
import { immutableChanges } from '../immutable.ts';
import { flagsOf, targetOf, type TargetOptions } from '../target.ts';
import { checkTools } from '../tools.ts';

export interface DiffOptions extends TargetOptions {
  /**
   * A folder of manifests that were rendered before.
   * @default - the cluster
   */
  readonly against?: string;
  /** Whether it is written as a comment of a pull request. */
  readonly markdown?: boolean;
  /** Whether the exit code tells that something would change. */
  readonly exitCode?: boolean;
}

/** Prints what would change, and answers whether anything would. */
export async function diff(options: DiffOptions): Promise<boolean> {
  const { against, markdown = false } = options;
  const { comparison, subject } =
    against === undefined ? await withCluster(options) : await withFolder(options, against);
  console.log(reportOf(comparison, { subject, markdown }));
  return !isEmpty(comparison);
}

interface Compared {
  readonly comparison: Comparison;
  readonly subject: string;
}

async function withCluster(options: TargetOptions): Promise<Compared> {
  const config = readConfig(options);
  const { kubectl, kind } = targetOf(options);
  await checkTools(['kubectl']);
  await kind?.require();
  const rendered = await preview(config, options);
  const comparison = await compareWithCluster(config, rendered, {
    kubectl,
    onKind: kind !== undefined,
    flags: flagsOf(options),
  });
  return { comparison, subject: `${config.environment} in the cluster of context ${kubectl.context}` };
}

/** What is rendered from here, compared with what was rendered elsewhere: neither as on kind, nor with any cluster. */
async function withFolder(options: TargetOptions, against: string): Promise<Compared> {
  const anyCluster = { ...options, context: 'CONTEXT' };
  const config = readConfig(anyCluster);
  const folder = renderedIn(config, against);
  const old = readManifests(folder);
  const rendered = await preview(config, anyCluster);
  const after = [...rendered.definitions, ...rendered.objects];
  const changes = changesBetween([...old.definitions, ...old.objects], after);
  const ways = { kubectl: targetOf(anyCluster).kubectl, flags: flagsOf(options) };
  return {
    comparison: {
      changes,
      facts: changes.flatMap((change) => [
        ...otherRelease(change, ways.flags),
        ...immutableChanges(change.before, change.after, ways).map(impossible),
      ]),
      compared: after.length,
    },
    subject: `${config.environment}, compared with ${folder},`,
  };
}

/** The environment's folder in a dist/ of before, or that folder itself. */
function renderedIn({ environment }: Config, against: string): string {
  const found = [join(resolve(against), environment), resolve(against)].find((folder) =>
    existsSync(join(folder, '00-namespace.yaml')),
  );
  if (found !== undefined) return found;
  throw new CliError(
    `There are no manifests of ${environment} in ${against}.`,
    'Render them where that version is checked out: `CDK8S_OUTDIR=<folder> npm run synth`.',
  );
}
