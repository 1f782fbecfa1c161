/** `npm run down`: removes the kind cluster, after saying what is lost with it and asking. */
import { z } from 'zod';
import { confirmed } from '../ask.ts';
import { clusterOf, KindCluster } from '../cluster.ts';
import { step } from '../steps.ts';
import { checkTools } from '../tools.ts';

export interface DownOptions {
  readonly env: string;
  readonly cluster?: string;
  readonly yes?: boolean;
}

const claims = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), namespace: z.string() }),
      spec: z.object({ resources: z.object({ requests: z.object({ storage: z.string() }) }) }),
    }),
  ),
});

export async function down(options: DownOptions): Promise<void> {
  await checkTools(['docker', 'kind']);
  const kind = new KindCluster(options.cluster ?? clusterOf(options.env));
  const state = await kind.state();
  if (state === 'absent') {
    console.log(`There is no kind cluster "${kind.name}": nothing to remove.`);
    return;
  }
  if (state === 'foreign' || !(await kind.isOurs())) {
    if (state !== 'unfinished') throw kind.refusal('foreign');
  }
  console.log(`The kind cluster "${kind.name}" is removed with everything in it:`);
  console.log(await whatIsLost(kind, state === 'ours'));
  const sure = await confirmed({
    text: 'Remove it? Type yes:',
    answer: 'yes',
    ...(options.yes === true ? { said: 'yes' } : {}),
    option: 'npm run down -- --yes',
  });
  if (!sure) {
    console.log('Nothing was removed.');
    return;
  }
  await step(`Removing cluster ${kind.name}`, () => kind.delete());
}

async function whatIsLost(kind: KindCluster, answers: boolean): Promise<string> {
  if (!answers)
    return '  its volumes, which can not be listed since kubectl gets no answer from its API server';
  const list = await kind.kubectl.json(claims, ['get', 'persistentvolumeclaims', '--all-namespaces']);
  const rows = (list?.items ?? []).map(
    ({ metadata, spec }) => `  ${metadata.namespace}/${metadata.name} (${spec.resources.requests.storage})`,
  );
  return rows.length === 0 ? '  no volumes' : rows.join('\n');
}
