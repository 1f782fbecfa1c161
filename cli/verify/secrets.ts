/** Whether all Secrets are there, whole, strong and not too old. No value is ever told. */
import { durationOf } from '../../alerts/rule.ts';
import { toSeconds } from '../../environments/quantities.ts';
import { neededSecrets } from '../../environments/secrets.ts';
import { readSecretAges } from '../secret-ages.ts';
import { problemsOf, readSecrets } from '../secrets.ts';
import { count, judge, type Check, type Context, type Finding } from './check.ts';

export const secrets: Check = {
  title: 'Secrets are complete, strong and not too old',
  run: async (context) => {
    const { kubectl, config, flags } = context;
    const source = config.secrets.source;
    const fix = {
      literal: `\`npm run up -- ${flags}\` makes what the manifests have; .env sets the values.`,
      cluster: `\`npm run secrets -- ${flags}\` makes what is missing; what is weak is replaced by \`npm run secrets -- rotate NAME ${flags}\`, or by \`kubectl edit secret\`.`,
      'external-secrets': 'Put it right in the store that it is fetched from.',
    }[source];
    const problems = problemsOf(config, await readSecrets(kubectl, config)).map(
      ({ secret, fact }): Finding => ({
        thing: `Secret ${secret.name}`,
        fact: `${fact} (used by ${secret.usedBy.join(', ')})`,
        fix,
      }),
    );
    return judge(
      `${count(neededSecrets(config).length, 'Secret')}${source === 'literal' ? ', with the known values of the manifests' : ''}`,
      problems,
      source === 'cluster' ? await oldOnes(context) : [],
    );
  },
};

async function oldOnes({ kubectl, config, flags }: Context): Promise<Finding[]> {
  const limit = toSeconds(config.monitoring.alerts.secretAge);
  return Object.entries(await readSecretAges(kubectl, config)).flatMap(([name, since]) =>
    (Date.now() - Date.parse(since)) / 1000 < limit
      ? []
      : [
          {
            thing: `Secret ${name}`,
            fact: `has had its value since ${since.slice(0, 10)}, longer than ${durationOf(limit)}`,
            fix: `\`npm run secrets -- rotate ${name} ${flags}\` gives it another while the system sells.`,
          },
        ],
  );
}
