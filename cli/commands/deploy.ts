/** `npm run deploy`: a release's manifests into a cluster; what ran before runs again when they do no good. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agentsNamespace } from '../../environments/namespaces.ts';
import { environmentName, loadConfig } from '../../environments/load.ts';
import type { Config } from '../../environments/schema.ts';
import { apply, applyCrds } from '../apply.ts';
import { readConfig, readManifests, type Rendered } from '../environment.ts';
import { CliError, messageOf } from '../errors.ts';
import { refuseDuringRestore } from '../exchanges.ts';
import { refuseImmutableChanges } from '../immutable.ts';
import { writeJobSummary } from '../job-summary.ts';
import type { Kubectl } from '../kubectl.ts';
import { refuseDuringMove } from '../move-plan.ts';
import { refuseOtherRelease } from '../postgres-release.ts';
import { prune } from '../prune.ts';
import { placeIn, targetsIn, unpackRelease, verifySignature } from '../release.ts';
import { keepRelease } from '../release-names.ts';
import { writeSecretAges } from '../secret-ages.ts';
import { SmokeTest } from '../smoke.ts';
import { step } from '../steps.ts';
import { remember, takeBack, type Before } from '../take-back.ts';
import { flagsOf, targetOf, type Target, type TargetOptions } from '../target.ts';
import { migrationsOf, runTask } from '../tasks.ts';
import { waitForReady } from '../wait.ts';
import { describeChanges, requireOwnNamespace, secrets } from './up.ts';

export interface DeployOptions extends TargetOptions {
  /** A release's archive, or a folder of rendered manifests such as dist/prod. */
  readonly manifests: string;
  /**
   * Which of the release's places.
   * @default - the environment's name
   */
  readonly target?: string;
  /**
   * The GitHub repository whose release workflow must have signed the archive.
   * @default - nobody is asked who made it
   */
  readonly signedBy?: string;
  /** Seconds that pods may take to be ready. */
  readonly timeout: number;
  /** Seconds until the smoke test gives up what does not answer. */
  readonly smokeTimeout: number;
}

/** What is deployed. */
interface Release {
  /** What the namespace remembers of it: a release's name, or a digest of a folder. */
  readonly name: string;
  readonly title: string;
  readonly config: Config;
  readonly rendered: Rendered;
}

export async function deploy(options: DeployOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'zakpos-release-'));
  try {
    const release = await step('Release', async (line) => {
      const found = await openRelease(options, folder);
      line.rename(`Release ${found.title}: ${found.rendered.objects.length} objects`);
      return found;
    });
    await new Deployment(release, options).run();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Checks an archive and unpacks it, or takes a folder as it is. */
async function openRelease(options: DeployOptions, folder: string): Promise<Release> {
  const { env, context, manifests, signedBy, target = env } = options;
  const isFolder = statSync(manifests, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isFolder && signedBy !== undefined) {
    throw new CliError(
      `${manifests} is a folder, which nobody has signed.`,
      "Name a release's archive, or leave --signed-by out.",
    );
  }
  if (isFolder) {
    const rendered = readManifests(manifests);
    refuseOtherEnvironment(rendered, env);
    const name = rendered.digest;
    return { name, title: `${manifests} (${name})`, config: readConfig(options), rendered };
  }
  if (signedBy !== undefined) await verifySignature(manifests, signedBy);
  const { name } = await unpackRelease(manifests, folder);
  const targets = targetsIn(folder);
  if (!targets.includes(target)) {
    throw new CliError(
      `${manifests} has no manifests for "${target}".`,
      `Name one of ${targets.join(', ')} with --target.`,
    );
  }
  const place = placeIn(folder, target);
  const rendered = readManifests(place.manifests);
  refuseOtherEnvironment(rendered, env);
  const onKind = context === undefined;
  const config = loadConfig(environmentName(env), { configFile: place.values, onKind });
  return { name, title: `${name} for ${target}`, config, rendered };
}

/** Values of another environment are none of this one's, so that the manifests would be judged by the wrong ones. */
function refuseOtherEnvironment({ objects }: Rendered, env: string): void {
  const labels = objects.map(({ metadata }) => metadata.labels?.['zakpos.io/environment']);
  const other = labels.find((label) => label !== undefined && label !== env);
  if (other === undefined) return;
  throw new CliError(
    `--env is "${env}", and the manifests are of environment "${other}".`,
    `Say \`--env ${other}\`, or name other manifests.`,
  );
}

class Deployment {
  private readonly release: Release;
  private readonly options: DeployOptions;
  private readonly target: Target;
  private readonly started = Date.now();
  private changes = 'nothing';

  constructor(release: Release, options: DeployOptions) {
    this.release = release;
    this.options = options;
    this.target = targetOf(options);
  }

  async run(): Promise<void> {
    let before: Before;
    try {
      before = await this.prepare();
    } catch (error) {
      this.summarize('refused, nothing was rolled out', { why: messageOf(error) });
      throw error;
    }
    try {
      await this.roll();
    } catch (error) {
      throw await this.goBack(before, error);
    }
    try {
      await this.finish();
    } catch (error) {
      this.summarize('done, but what it no longer has was not pruned', { why: messageOf(error) });
      throw error;
    }
    this.summarize('done');
  }

  private get kubectl(): Kubectl {
    return this.target.kubectl;
  }

  /** All that can be known before anything is changed; and the migration, which only adds. */
  private async prepare(): Promise<Before> {
    const { config, rendered } = this.release;
    const { kubectl, options } = this;
    await this.target.kind?.require();
    await requireOwnNamespace(kubectl, config);
    await step('Secrets', async (line) => {
      await secrets(kubectl, config, rendered, false, line);
      await writeSecretAges(kubectl, config);
    });
    await refuseDuringMove(kubectl, config.namespace);
    await refuseDuringRestore(kubectl, config.namespace);
    await refuseOtherRelease(kubectl, rendered.objects, flagsOf(options));
    await refuseImmutableChanges(kubectl, rendered.objects, flagsOf(options));
    if (rendered.crds !== undefined) await applyCrds(kubectl, rendered.crds);
    const before = await remember(kubectl, rendered);
    await this.migrate(before);
    return before;
  }

  /** The schema of the version that comes, before its pods do: they need not wait for it, and one that fails stops here. */
  private async migrate({ objects }: Before): Promise<void> {
    const { config, rendered } = this.release;
    const isApi = ({ kind, metadata }: { kind: string; metadata: { name: string } }): boolean =>
      kind === 'Deployment' && metadata.name === 'zakpos-api';
    const [is, becomes] = [objects.find(isApi), rendered.objects.find(isApi)];
    // Where nothing runs yet, there is no database either: the API's first pod migrates it.
    if (is === undefined || becomes === undefined || config.api.migrations === null) return;
    if (imagesOf(is) === imagesOf(becomes)) return;
    await step('Migrations', (line) => runTask(this.kubectl, config, migrationsOf(config), line));
  }

  private async roll(): Promise<void> {
    const { config, rendered } = this.release;
    const { timeout, smokeTimeout } = this.options;
    const { kubectl, kind } = this.target;
    await step('Apply', async (line) => {
      this.changes = describeChanges(await apply(kubectl, rendered.files));
      line.rename(`Apply: ${this.changes}`);
    });
    await waitForReady(kubectl, rendered.objects, { seconds: timeout, schedulingSeconds: timeout });
    if (rendered.registrations.length > 0) {
      await step('API extensions', async (line) => {
        line.rename(`API extensions: ${describeChanges(await apply(kubectl, rendered.registrations))}`);
      });
    }
    await step('Smoke test', async (line) => {
      const smoke = new SmokeTest(config, kubectl, kind !== undefined, smokeTimeout);
      if (config.smokeTest === 'sale') return smoke.sell(line);
      await smoke.read();
      line.rename('Smoke test: the till and the API answer');
    });
  }

  /** What is to be told after the release did no good. */
  private async goBack(before: Before, cause: unknown): Promise<CliError> {
    const why = messageOf(cause);
    if (before.objects.every(({ kind }) => kind !== 'Deployment')) {
      const nothing =
        before.unknown.length === 0
          ? 'nothing ran before'
          : `${before.unknown.join(', ')} had been applied by somebody else, so that nobody knows how`;
      this.summarize('failed', { why, 'taken back': `nothing: ${nothing}` });
      return new CliError(
        `${why}\nNothing was taken back, since ${nothing}: what was applied is there to be looked at.`,
        'Mend what it names, and deploy again.',
      );
    }
    try {
      const takenBack = await this.takeBack(before);
      this.summarize('rolled back', { why, 'taken back': takenBack });
      return new CliError(
        `${why}\nIt was rolled back, and what ran before is ready: ${takenBack}.`,
        'Claims, Secrets and the schema of the database are as the release left them.',
      );
    } catch (error) {
      const second = messageOf(error);
      this.summarize('failed, and so did the rollback', { why, rollback: second });
      return new CliError(
        `${why}\nThe rollback has failed, too: ${second}`,
        '`npm run status` shows what runs; deploy the release of before by hand.',
      );
    }
  }

  private async takeBack(before: Before): Promise<string> {
    const { kubectl, options } = this;
    const takenBack = await step('Rolling back', async (line) => {
      const { changed, deleted } = await takeBack(kubectl, before);
      const parts = [
        changed.length === 0 ? 'nothing was changed' : `${changed.join(', ')} as before`,
        ...(deleted.length === 0 ? [] : [`${deleted.join(', ')} deleted`]),
        ...(before.unknown.length === 0 ? [] : [`left as they are: ${before.unknown.join(', ')}`]),
      ];
      line.rename(`Rolled back: ${parts.join('; ')}`);
      return parts.join('; ');
    });
    await waitForReady(kubectl, before.objects, {
      seconds: options.timeout,
      schedulingSeconds: options.timeout,
    });
    return takenBack;
  }

  /** What is no longer wanted goes once the release is known to be good, so that nothing of it has to come back. */
  private async finish(): Promise<void> {
    const { config, rendered, name } = this.release;
    const { namespace } = config;
    await keepRelease(this.kubectl, namespace, name);
    await step('Prune', async (line) => {
      const gone = await prune(this.kubectl, rendered.objects, {
        wholeCluster: false,
        namespaces: [namespace, agentsNamespace(config)],
      });
      line.rename(gone.length === 0 ? 'Prune: nothing' : `Prune: ${gone.join(', ')}`);
    });
  }

  private summarize(outcome: string, facts: Readonly<Record<string, string>> = {}): void {
    writeJobSummary({
      title: `Deployment to ${this.options.target ?? this.options.env}: ${outcome}`,
      facts: {
        release: this.release.title,
        cluster: this.kubectl.context,
        applied: this.changes,
        ...facts,
        time: `${Math.round((Date.now() - this.started) / 1000)} s`,
      },
    });
  }
}

/** The images of a workload's pods, as one text. */
const imagesOf = (object: unknown): string =>
  [...JSON.stringify(object).matchAll(/"image":"([^"]+)"/g)].map(([, image]) => image).join(' ');
