/** `npm run verify`: whether a running system is as it should be, checked point by point, with a report. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import type { Config } from '../../environments/schema.ts';
import { componentsOf, look } from '../components.ts';
import { readConfig, ROOT, synthesize } from '../environment.ts';
import { CliError } from '../errors.ts';
import type { Kubectl } from '../kubectl.ts';
import { partIn } from '../part.ts';
import { step } from '../steps.ts';
import { storeOf } from '../stores.ts';
import { flagsOf, targetOf, type TargetOptions } from '../target.ts';
import { requireEnvironment } from '../tasks.ts';
import { CHECKS } from '../verify/checks.ts';
import { describeFindings, reportOf, summaryOf } from '../verify/report.ts';
import { runChecks } from '../verify/run.ts';
import { knownStore } from '../verify/stores.ts';

export interface VerifyOptions extends TargetOptions {
  /**
   * File of the report.
   * @default - verify/<environment>.md in the checkout
   */
  readonly report?: string;
  /**
   * Whether a restore is rehearsed now, rather than only asked when it last was.
   * @default false
   */
  readonly drill?: boolean;
  /** Stores that are restarted, to see that their data stay. */
  readonly restart: readonly string[];
}

/** @throws {CliError} where the stores alone run: most checks are of what serves people */
async function requireAll(kubectl: Kubectl, config: Config, options: TargetOptions): Promise<void> {
  if ((await partIn(kubectl, config)).only === undefined) return;
  throw new CliError(
    `Only the stores of ${config.environment} run in context ${kubectl.context}, by \`npm run up -- --only infra\`.`,
    `\`npm run up -- ${flagsOf(options)}\` brings the rest; \`npm run status -- ${flagsOf(options)}\` shows what is there.`,
  );
}

/** Answers whether no check has failed. */
export async function verify(options: VerifyOptions): Promise<boolean> {
  const config = readConfig(options);
  const { kubectl, kind } = targetOf(options);
  await kind?.require();
  await requireEnvironment(kubectl, config);
  await requireAll(kubectl, config, options);
  const rendered = await step(`Manifests of ${config.environment}`, () => synthesize(config, options));
  for (const store of options.restart) knownStore(config, storeOf(rendered.objects, store).name);
  const namespaces = [...new Set(componentsOf(rendered.objects).map(({ namespace }) => namespace))];

  const results = await runChecks(CHECKS, {
    config,
    kubectl,
    onKind: kind !== undefined,
    rendered,
    snapshot: await look(kubectl, namespaces),
    flags: flagsOf(options),
    drill: options.drill === true,
    restart: options.restart,
  });

  const file = options.report ?? resolve(ROOT, 'verify', `${config.environment}.md`);
  mkdirSync(dirname(resolve(file)), { recursive: true });
  writeFileSync(
    file,
    reportOf({ environment: config.environment, context: kubectl.context, date: new Date() }, results),
  );
  const findings = describeFindings(results);
  console.log(
    [
      '',
      ...(findings === '' ? [] : [findings, '']),
      `${summaryOf(results)}; the report is ${relative('', file)}`,
    ].join('\n'),
  );
  return results.every(({ state }) => state !== 'failed');
}
