/** Whether the cluster has what the checkout says, and the checkout what git has. */
import type { Change } from '../diff/changes.ts';
import { compareWithCluster } from '../diff/cluster.ts';
import type { Section } from '../diff/reasons.ts';
import { patchOf } from '../diff/yaml.ts';
import { ROOT } from '../environment.ts';
import { attempt } from '../exec.ts';
import { count, judge, type Check } from './check.ts';

/** Lines of a difference that are shown. */
const SHOWN = 4;

export const configuration: Check = {
  title: 'The configuration is as in git',
  run: async ({ config, kubectl, onKind, rendered, flags }) => {
    const [{ changes, facts, compared }, commit, status] = await Promise.all([
      compareWithCluster(config, rendered, { kubectl, onKind, flags }),
      git('rev-parse', '--short', 'HEAD'),
      git('status', '--porcelain'),
    ]);
    const fix = `\`npm run diff -- ${flags}\` shows all of it, \`npm run up -- ${flags}\` makes it so; or change the configuration, if the cluster is right.`;
    const wrong = [
      ...changes.map((change) => ({ thing: `${change.kind} ${change.name}`, fact: factOf(change), fix })),
      ...facts
        .filter(({ section }) => OTHERS.includes(section))
        .map(({ text, section }) => ({ thing: text, fact: `is not as in the manifests: ${section}`, fix })),
    ];
    const changed = (status ?? '').split('\n').filter(Boolean).length;
    return judge(
      `${count(compared, 'object')} of ${commit === undefined ? 'a folder that git does not know' : `commit ${commit}`}`,
      wrong,
      changed === 0
        ? []
        : [
            {
              thing: 'The checkout',
              fact: `has ${count(changed, 'file')} that git does not have so: nobody else can render these manifests`,
              fix: 'Commit them; `git status` lists them.',
            },
          ],
    );
  },
};

/** What else an apply meets; Secrets are a check of their own, and warnings change nothing. */
const OTHERS: readonly Section[] = ['impossible', 'pruned', 'unknown'];

function factOf(change: Change): string {
  if (change.before === undefined) return 'is in the manifests and not in the cluster';
  const lines = patchOf(change)
    .split('\n')
    .filter((line) => /^[-+](?![-+]{2})/.test(line))
    .map((line) => `${line[0] ?? ''} ${line.slice(1).trim()}`);
  const more = lines.length - SHOWN;
  return `is not as in the manifests: ${lines.slice(0, SHOWN).join('; ')}${more > 0 ? `; and ${count(more, 'more line')}` : ''}`;
}

/** What git prints; nothing where there is no git, or this is no clone. */
async function git(...args: readonly string[]): Promise<string | undefined> {
  const result = await attempt('git', args, { cwd: ROOT });
  return result.ok ? result.stdout.trim() : undefined;
}
