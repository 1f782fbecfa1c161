/** Whether stores write where their volumes are; for a store that is named, also by ending its pods. */
import { z } from 'zod';
import type { Kubectl } from '../kubectl.ts';
import { claimsIn, mountsIn, shortName, storeOf, storesOf, type Store } from '../stores.ts';
import { count, judge, putBack, type Check, type Context, type Finding } from './check.ts';
import { restart } from './restart.ts';
import { knownStore, knownStores, type KnownStore } from './stores.ts';

const setSchema = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string() }),
  spec: z.object({
    replicas: z.number(),
    template: z.object({
      spec: z.object({
        containers: z.array(
          z.object({
            volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string() })).default([]),
          }),
        ),
      }),
    }),
  }),
});

export const data: Check = {
  title: 'Data are on volumes that outlive their pods',
  run: async (context, line) => {
    const { kubectl, rendered, config } = context;
    const known = knownStores(config);
    const stores = storesOf(rendered.objects);
    const wrong = await Promise.all(stores.map((store) => claimFindings(context, store, known[store.name])));
    const kept: string[] = [];
    // One after the other, and only what was named: each is an outage of what needs it.
    for (const name of context.restart) {
      const store = storeOf(rendered.objects, name);
      wrong.push(await restart(kubectl, store, knownStore(config, store.name), line));
      kept.push(shortName(store.name));
    }
    return judge(
      `${count(stores.length, 'store')} with ${count(stores.flatMap(({ templates }) => templates).length, 'kind')} of claims` +
        (kept.length === 0 ? '; none was restarted' : `; ${kept.join(', ')} restarted`),
      wrong.flat(),
    );
  },
};

async function claimFindings(
  context: Context,
  { name, namespace, templates }: Store,
  known: KnownStore | undefined,
): Promise<Finding[]> {
  const { kubectl } = context;
  const live = await kubectl.json(setSchema, [
    ...['-n', namespace, 'get', 'statefulset', name, '--ignore-not-found'],
  ]);
  if (live === undefined) {
    return [{ thing: `StatefulSet ${name}`, fact: 'is missing', fix: putBack(context) }];
  }
  const [claims, mounts] = await Promise.all([claimsIn(kubectl, namespace), mountsIn(kubectl, namespace)]);
  const { replicas, template } = live.spec;
  const paths = template.spec.containers.flatMap(({ volumeMounts }) =>
    volumeMounts.flatMap((mount) =>
      templates.some(({ metadata }) => metadata.name === mount.name) ? [mount.mountPath] : [],
    ),
  );
  const found = await Promise.all(
    Array.from({ length: replicas }, async (_, ordinal) => {
      const pod = `${name}-${ordinal}`;
      const ofClaims = templates.flatMap(({ metadata }): Finding[] => {
        const claim = `${metadata.name}-${pod}`;
        const thing = `Claim ${claim}`;
        const phase = claims.find((each) => each.metadata.name === claim)?.status.phase;
        if (phase !== 'Bound') {
          return [
            {
              thing,
              fact: phase === undefined ? 'is missing' : `is ${phase}, not Bound`,
              fix: `\`${kubectl.command(`-n ${namespace} describe pvc ${claim}`)}\` tells why.`,
            },
          ];
        }
        return mounts.some((mount) => mount.claim === claim && mount.pod === pod)
          ? []
          : [{ thing, fact: `is not mounted by ${pod}`, fix: putBack(context) }];
      });
      return known === undefined
        ? ofClaims
        : [...ofClaims, ...(await folderFindings(kubectl, known, { namespace, pod, paths }))];
    }),
  );
  return found.flat();
}

/** The server's own word for where it writes is on a file system that is mounted there. */
async function folderFindings(
  kubectl: Kubectl,
  known: KnownStore,
  {
    namespace,
    pod,
    paths,
  }: {
    readonly namespace: string;
    readonly pod: string;
    readonly paths: readonly string[];
  },
): Promise<Finding[]> {
  const exec = (command: readonly string[]) =>
    kubectl.attempt(['-n', namespace, 'exec', pod, '--', ...command]);
  const [told, mounted] = await Promise.all([exec(known.folders), exec(['cat', '/proc/mounts'])]);
  const thing = `Pod ${pod}`;
  const fix = `See that it is ready: \`npm run status\`; \`${kubectl.command(`-n ${namespace} logs ${pod}`)}\` tells more.`;
  if (!told.ok || !mounted.ok) return [{ thing, fact: 'does not tell where it writes', fix }];
  const points = mounted.stdout.split('\n').map((text) => text.split(' ')[1] ?? '');
  return told.stdout
    .split('\n')
    .map((folder) => folder.trim())
    .filter(Boolean)
    .flatMap((folder) =>
      paths.some((path) => (folder === path || folder.startsWith(`${path}/`)) && points.includes(path))
        ? []
        : [
            {
              thing,
              fact: `writes to ${folder}, which is on no volume: its data end with it`,
              fix: `Mount the claim there; the manifests have it at ${paths.join(', ')}.`,
            },
          ],
    );
}
