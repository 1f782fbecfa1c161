/** `npm run secrets`: makes the Secrets that are missing straight in the cluster, or only tells what is wrong. */
import { readConfig, synthesize } from '../environment.ts';
import { describeProblem, makeMissing, problemsOf, readSecrets } from '../secrets.ts';
import { targetOf, type TargetOptions } from '../target.ts';

export interface SecretsOptions extends TargetOptions {
  readonly env: string;
  readonly check?: boolean;
}

/** Answers whether all Secrets are in order. */
export async function secrets(options: SecretsOptions): Promise<boolean> {
  const config = readConfig(options.env);
  if (config.secrets.source === 'literal') {
    console.log(`The Secrets of ${config.environment} are in its manifests; .env sets their values.`);
    return true;
  }
  const { kubectl, kind } = targetOf(options);
  await kind?.require();
  if (options.check === true) {
    const problems = problemsOf(config, await readSecrets(kubectl, config));
    console.log(
      problems.length === 0 ? 'All Secrets are in order.' : problems.map(describeProblem).join('\n'),
    );
    return problems.length === 0;
  }
  const { folder } = await synthesize(config);
  await kubectl.run(['apply', '--server-side', '-f', `${folder}/00-namespace.yaml`]);
  const made = await makeMissing(kubectl, config);
  console.log(made.length === 0 ? 'All Secrets are there; none was changed.' : `Made ${made.join(', ')}.`);
  return true;
}
