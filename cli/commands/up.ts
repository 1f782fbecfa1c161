/** `npm run up`: from nothing, or from anything in between, to the running system. */
import { foreignSecrets } from '../../environments/certificates.ts';
import { dev } from '../../environments/dev.ts';
import type { Config } from '../../environments/schema.ts';
import { apply, type Applied } from '../apply.ts';
import { readConfig, synthesize, type Rendered } from '../environment.ts';
import { CliError } from '../errors.ts';
import { refuseDuringRestore } from '../exchanges.ts';
import { hostVariables, requireLocalStores, requireOwnEnvFile, writeEnvFile } from '../host-env.ts';
import { builtImages, storeImages } from '../images.ts';
import { refuseImmutableChanges } from '../immutable.ts';
import type { Kubectl } from '../kubectl.ts';
import { refuseDuringMove } from '../move-plan.ts';
import { refuseOtherRelease } from '../postgres-release.ts';
import { prune, pruneScopeOf } from '../prune.ts';
import { giveUpReleased, refuseMounts } from '../sources.ts';
import {
  describeProblem,
  makeMissing,
  problemsToMend,
  readSecrets,
  requireForeign,
  requirePasswordsOfVolume,
} from '../secrets.ts';
import { writeSecretAges } from '../secret-ages.ts';
import { SmokeTest } from '../smoke.ts';
import { step, type Line } from '../steps.ts';
import { flagsOf, targetOf, type TargetOptions } from '../target.ts';
import { checkTools } from '../tools.ts';
import { adminOf, storesOnLocalhost, urlsOf } from '../urls.ts';
import { waitForReady } from '../wait.ts';
import { provide } from './images.ts';

export interface UpOptions extends TargetOptions {
  /** Seconds that the components may take to become ready. */
  readonly timeout: number;
  readonly smoke: boolean;
  /**
   * `infra`: the stores, on localhost, for apps that run on this machine.
   * @default - all of the environment
   */
  readonly only?: 'infra';
}

export async function up(options: UpOptions): Promise<void> {
  const config = readConfig(options);
  const { kubectl, kind } = targetOf(options);
  const withApps = options.only === undefined;
  if (!withApps) {
    requireLocalStores(config, options);
    requireOwnEnvFile();
  }

  await step('Tools', async (line) => {
    line.rename(
      `Tools: ${await checkTools(kind === undefined ? ['kubectl'] : ['docker', 'kind', 'kubectl'])}`,
    );
  });
  if (kind === undefined) refuseMounts(config, kubectl);
  const rendered = await step(`Manifests of ${config.environment}`, async (line) => {
    const found = await synthesize(config, options);
    line.rename(`Manifests of ${config.environment}: ${found.objects.length} objects`);
    return found;
  });
  if (kind === undefined) await step('Namespace', () => requireOwnNamespace(kubectl, config));
  else {
    await step(`Cluster ${kind.name}`, async (line) => {
      line.rename(`Cluster ${kind.name}: ${await kind.ensure(config, line)}`);
    });
    await step('Images', async (line) => {
      const done: string[] = [];
      for (const image of withApps ? builtImages(config) : storeImages(config)) {
        const did = await provide(image, kind, line);
        if (did.length > 0) done.push(`${did.join(' and ')} ${image.image}`);
      }
      line.rename(done.length === 0 ? 'Images: all there' : `Images: ${done.join(', ')}`);
    });
  }
  await step('Secrets', async (line) => {
    await secrets(kubectl, config, rendered, kind !== undefined, line);
    await writeSecretAges(kubectl, config);
  });

  await refuseDuringMove(kubectl, config.namespace);
  await refuseDuringRestore(kubectl, config.namespace);
  await refuseOtherRelease(kubectl, rendered.objects, flagsOf(options));
  await refuseImmutableChanges(kubectl, rendered.objects, flagsOf(options));
  await giveUpReleased(kubectl, rendered.objects);
  await step('Apply', async (line) => {
    line.rename(`Apply: ${describeChanges(await apply(kubectl, rendered.files, rendered.crds))}`);
  });
  await step('Prune', async (line) => {
    const gone = await prune(kubectl, rendered.objects, pruneScopeOf(config, kind !== undefined));
    line.rename(gone.length === 0 ? 'Prune: nothing' : `Prune: ${gone.join(', ')}`);
  });
  await waitForReady(kubectl, rendered.objects, {
    seconds: options.timeout,
    // Elsewhere, nodes may be on their way.
    schedulingSeconds: kind === undefined ? options.timeout : undefined,
  });

  if (rendered.registrations.length > 0) {
    await step('API extensions', async (line) => {
      line.rename(`API extensions: ${describeChanges(await apply(kubectl, rendered.registrations))}`);
    });
  }
  if (!withApps) {
    writeEnvFile(hostVariables(config));
    console.log(['', ...storesOnLocalhost(config), '', ...firstUser(config)].join('\n'));
    return;
  }
  if (options.smoke) {
    const smoke = new SmokeTest(config, kubectl, kind !== undefined);
    const tested = `zakpos.io/smoke-tested=${rendered.digest}`;
    await step('Smoke test', async (line) => {
      // What has sold once needs no further sale; an `up` that was cut off before it leaves no such mark.
      if (config.smokeTest === 'read' || (await isMarked(kubectl, config, rendered))) {
        await smoke.read();
        line.rename('Smoke test: the till and the API answer');
        return;
      }
      await smoke.sell(line);
      await kubectl.run(['annotate', 'namespace', config.namespace, '--overwrite', tested]);
    });
  }
  console.log(['', ...urlsOf(config), '', ...firstUser(config)].join('\n'));
}

/**
 * Makes the Secrets of an environment that is tried on kind, checks those of any other, and refuses passwords that the
 * database's volume doesn't have.
 */
export async function secrets(
  kubectl: Kubectl,
  config: Config,
  { folder }: Rendered,
  onKind: boolean,
  line: Line,
): Promise<void> {
  if (config.secrets.source === 'literal') {
    await requirePasswordsOfVolume(kubectl, config);
    if (foreignSecrets(config).length > 0) {
      await kubectl.run(['apply', '--server-side', '-f', `${folder}/00-namespace.yaml`]);
      requireForeign(kubectl, config, await readSecrets(kubectl, config));
    }
    line.rename('Secrets: in the manifests');
    return;
  }
  const { source, store } = config.secrets;
  const fetched = source === 'external-secrets' ? `fetched from ${store.kind} ${store.name}; ` : '';
  if (onKind) {
    await kubectl.run(['apply', '--server-side', '-f', `${folder}/00-namespace.yaml`]);
    const made = await makeMissing(kubectl, config);
    line.rename(`Secrets: ${fetched}${made.length === 0 ? 'all there' : `made ${made.join(', ')}`}`);
    return;
  }
  const problems = problemsToMend(config, await readSecrets(kubectl, config));
  if (problems.length > 0) {
    throw new CliError(
      problems.map(describeProblem).join('\n'),
      `Make those that are missing with \`npm run secrets -- --env ${config.environment}\`.`,
    );
  }
  line.rename(`Secrets: ${fetched}all there`);
}

/** @throws {CliError} when the namespace is there and somebody else's */
export async function requireOwnNamespace(kubectl: Kubectl, { namespace }: Config): Promise<void> {
  const labels = await kubectl.run([
    ...['get', 'namespace', namespace, '--ignore-not-found', '-o'],
    'jsonpath=found {.metadata.labels.app\\.kubernetes\\.io/managed-by}',
  ]);
  if (labels === '' || labels.trim() === 'found zakpos') return;
  throw new CliError(
    `The namespace "${namespace}" of context "${kubectl.context}" is there and not this project's.`,
    'Choose another: `namespace: …` in a file that ZAKPOS_CONFIG names.',
  );
}

/** Whether these very manifests have passed the smoke test in this cluster. */
async function isMarked(kubectl: Kubectl, { namespace }: Config, { digest }: Rendered): Promise<boolean> {
  const mark = await kubectl.run([
    ...['get', 'namespace', namespace, '-o'],
    'jsonpath={.metadata.annotations.zakpos\\.io/smoke-tested}',
  ]);
  return mark.trim() === digest;
}

export function describeChanges({ created, changed, unchanged, warnings }: Applied): string {
  const named = [...created, ...changed];
  const names = named.length === 0 || named.length > 12 ? '' : ` (${named.join(', ')})`;
  const warned = warnings.length === 0 ? '' : `; ${warnings.join('; ')}`;
  return `${created.length} created, ${changed.length} changed, ${unchanged} unchanged${names}${warned}`;
}

const firstUser = (config: Config): string[] => [adminOf(config), ...documentedPassword(config)];

/** Only the password that the repository itself documents is ever shown. */
function documentedPassword({ secrets }: Config): string[] {
  const documented = dev.secrets?.values?.adminPassword;
  return documented !== undefined && secrets.values.adminPassword === documented ? [`(${documented})`] : [];
}
