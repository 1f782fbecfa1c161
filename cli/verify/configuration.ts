/** Whether the cluster has what the checkout says, and the checkout what git has. */
import { driftOf } from '../drift.ts';
import { ROOT } from '../environment.ts';
import { attempt } from '../exec.ts';
import { count, judge, type Check, type Finding } from './check.ts';

/** Lines of a difference that are shown. */
const SHOWN = 4;

export const configuration: Check = {
  title: 'The configuration is as in git',
  run: async ({ kubectl, rendered, flags }) => {
    const [drift, commit, status] = await Promise.all([
      driftOf(kubectl, rendered),
      git('rev-parse', '--short', 'HEAD'),
      git('status', '--porcelain'),
    ]);
    const wrong = drift.map(({ object, missing, lines }): Finding => {
      const more = lines.length - SHOWN;
      const shown = lines.slice(0, SHOWN).join('; ') + (more > 0 ? `; and ${count(more, 'more line')}` : '');
      return {
        thing: object,
        fact: missing
          ? 'is in the manifests and not in the cluster'
          : `is not as in the manifests${shown === '' ? '' : `: ${shown}`}`,
        fix: `\`npm run up -- ${flags}\` makes it so; or change the configuration, if the cluster is right.`,
      };
    });
    const changed = (status ?? '').split('\n').filter(Boolean).length;
    return judge(
      `${count(rendered.objects.length, 'object')} of ${commit === undefined ? 'a folder that git does not know' : `commit ${commit}`}`,
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

/** What git prints; nothing where there is no git, or this is no clone. */
async function git(...args: readonly string[]): Promise<string | undefined> {
  const result = await attempt('git', args, { cwd: ROOT });
  return result.ok ? result.stdout.trim() : undefined;
}
