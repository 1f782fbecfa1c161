/** What the namespace remembers of the releases that were deployed into it. */
import { z } from 'zod';
import type { Kubectl } from './kubectl.ts';

const RELEASE = 'zakpos.io/release';
const BEFORE = 'zakpos.io/release-before';

const names = z.object({ metadata: z.object({ annotations: z.record(z.string(), z.string()).default({}) }) });

async function namesOn(kubectl: Kubectl, namespace: string) {
  const found = await kubectl.json(names, ['get', 'namespace', namespace]);
  const { [RELEASE]: is, [BEFORE]: before } = found?.metadata.annotations ?? {};
  return { is, before };
}

/** The release that ran before the present one; `undefined` where nobody knows. */
export const releaseBefore = async (kubectl: Kubectl, namespace: string): Promise<string | undefined> =>
  (await namesOn(kubectl, namespace)).before;

/** Notes that a release runs. Back at the one of before, the one that was left is no good one to go back to. */
export async function keepRelease(kubectl: Kubectl, namespace: string, name: string): Promise<void> {
  const { is, before } = await namesOn(kubectl, namespace);
  if (is === name) return;
  await kubectl.run([
    ...['annotate', 'namespace', namespace, '--overwrite', `${RELEASE}=${name}`],
    ...(is === undefined ? [] : [before === name ? `${BEFORE}-` : `${BEFORE}=${is}`]),
  ]);
}
