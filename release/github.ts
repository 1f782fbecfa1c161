/** What the workflows ask of GitHub: to wait for `ci`, to keep a release, to comment, to open an issue. */
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { CliError } from '../cli/errors.ts';
import { bundleOf } from '../cli/release.ts';
import { releaseBefore } from '../cli/release-names.ts';
import { step } from '../cli/steps.ts';
import { targetOf, type TargetOptions } from '../cli/target.ts';
import { readConfig } from '../cli/environment.ts';
import { gh } from './gh.ts';

const runs = z.array(z.object({ databaseId: z.number() }));
/** How often, and how far apart, a run is looked for: one of a push begins a moment after it. */
const LOOKS = 12;
const LOOK_SECONDS = 10;

/** `npm run release:wait`: until `ci` is green for a commit. */
export async function waitForCi({ commit }: { readonly commit: string }): Promise<void> {
  await step(`ci of ${commit}`, async () => {
    for (let look = 1; ; look++) {
      const listed = await gh([
        ...['run', 'list', '--workflow', 'ci.yml', '--commit', commit],
        ...['--json', 'databaseId', '--limit', '1'],
      ]);
      const [run] = runs.parse(JSON.parse(listed));
      if (run !== undefined) {
        await gh(['run', 'watch', String(run.databaseId), '--exit-status', '--interval', '30']);
        return;
      }
      if (look === LOOKS) {
        throw new CliError(
          `ci has never run for ${commit}.`,
          'Push the commit to main, and tag it when it is there.',
        );
      }
      await sleep(LOOK_SECONDS * 1000);
    }
  });
}

export interface PublishOptions {
  readonly release: string;
  readonly archive: string;
}

/** `npm run release:publish`: the archive and its signature, kept with the tag. */
export async function publish({ release, archive }: PublishOptions): Promise<void> {
  await gh([
    ...['release', 'create', release, archive, bundleOf(archive)],
    ...['--title', release, '--verify-tag', '--generate-notes'],
  ]);
}

export interface FetchOptions extends TargetOptions {
  /**
   * Which release.
   * @default - the one that the cluster ran before its present one
   */
  readonly release?: string;
  readonly archive: string;
}

/** `npm run release:fetch`: the archive of a release and its signature. */
export async function fetchRelease(options: FetchOptions): Promise<void> {
  const { release, archive } = options;
  const tag = release === undefined || release === '' ? await beforeOf(options) : release;
  await step(`Release ${tag}`, async () => {
    mkdirSync(dirname(archive), { recursive: true });
    for (const [pattern, file] of [
      ['*.tar.gz', archive],
      ['*.sigstore.json', bundleOf(archive)],
    ] as const) {
      await gh(['release', 'download', tag, '--pattern', pattern, '--output', file, '--clobber']);
    }
  });
  // For the steps after it: a release is deployed by its own version of this project.
  const { GITHUB_OUTPUT: output = '' } = process.env;
  if (output !== '') appendFileSync(output, `release=${tag}\n`);
}

/** What `npm run deploy` has left on the namespace. */
async function beforeOf(options: FetchOptions): Promise<string> {
  const { namespace } = readConfig(options);
  const { kubectl } = targetOf(options);
  const before = await releaseBefore(kubectl, namespace);
  if (before !== undefined) return before;
  throw new CliError(
    `Nobody knows a release before the present one in the cluster of context ${kubectl.context}.`,
    'Name one with --release; `gh release list` shows them.',
  );
}

const pagesOfComments = z.array(z.array(z.object({ id: z.number(), body: z.string() })));

export interface CommentOptions {
  /** Number of the pull request. */
  readonly pullRequest: string;
  /** File that holds the text. */
  readonly file: string;
}

/** `npm run ci:comment`: a text as the one comment of its kind on a pull request. */
export async function comment({ pullRequest, file }: CommentOptions): Promise<void> {
  const mark = '<!-- zakpos: manifests -->';
  const body = `${mark}\n${readFileSync(file, 'utf8')}`.slice(0, 60_000);
  const path = 'repos/{owner}/{repo}/issues';
  const listed = await gh(['api', '--paginate', '--slurp', `${path}/${pullRequest}/comments`]);
  const before = pagesOfComments
    .parse(JSON.parse(listed))
    .flat()
    .find((each) => each.body.startsWith(mark));
  const input = JSON.stringify({ body });
  const to =
    before === undefined
      ? ['--method', 'POST', `${path}/${pullRequest}/comments`]
      : ['--method', 'PATCH', `${path}/comments/${before.id}`];
  await gh(['api', ...to, '--input', '-'], { input });
}

const issues = z.array(z.object({ number: z.number(), title: z.string() }));

export interface IssueOptions {
  readonly title: string;
  readonly body: string;
}

/** `npm run ci:issue`: one open issue of a title; what happens again is a comment on it. */
export async function issue({ title, body }: IssueOptions): Promise<void> {
  const open = issues.parse(
    JSON.parse(await gh(['issue', 'list', '--state', 'open', '--limit', '200', '--json', 'number,title'])),
  );
  const known = open.find((each) => each.title === title);
  await (known === undefined
    ? gh(['issue', 'create', '--title', title, '--body', body])
    : gh(['issue', 'comment', String(known.number), '--body', body]));
}
