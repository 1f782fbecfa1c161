/** Whether stores write where their volumes are; and, for a store that is named, that its data outlive its pods. */
import { z } from 'zod';
import type { Kubectl } from '../kubectl.ts';
import type { Line } from '../steps.ts';
import { claimsIn, mountsIn, shortName, storeOf, storesOf, type Store } from '../stores.ts';
import { count, judge, putBack, type Check, type Context, type Finding } from './check.ts';
import { STORES } from './stores.ts';

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
    const { kubectl, rendered } = context;
    const stores = storesOf(rendered.objects);
    const wrong = await Promise.all(stores.map((store) => claimFindings(context, store)));
    const kept: string[] = [];
    // One after the other, and only what was named: each is an outage of what needs it.
    for (const name of context.restart) {
      const store = storeOf(rendered.objects, name);
      wrong.push(await restart(kubectl, store, line));
      kept.push(shortName(store.name));
    }
    return judge(
      `${count(stores.length, 'store')} with ${count(stores.flatMap(({ templates }) => templates).length, 'kind')} of claims` +
        (kept.length === 0 ? '; none was restarted' : `; ${kept.join(', ')} restarted`),
      wrong.flat(),
    );
  },
};

async function claimFindings(context: Context, { name, namespace, templates }: Store): Promise<Finding[]> {
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
      return [...ofClaims, ...(await folderFindings(kubectl, { name, namespace, pod, paths }))];
    }),
  );
  return found.flat();
}

/** The server's own word for where it writes is on a file system that is mounted there. */
async function folderFindings(
  kubectl: Kubectl,
  {
    name,
    namespace,
    pod,
    paths,
  }: {
    readonly name: string;
    readonly namespace: string;
    readonly pod: string;
    readonly paths: readonly string[];
  },
): Promise<Finding[]> {
  const known = STORES[name];
  if (known === undefined) return [];
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

/** Ends each of a store's pods, one after the other, and looks for what was there before. */
async function restart(kubectl: Kubectl, { name, namespace }: Store, line: Line): Promise<Finding[]> {
  const known = STORES[name];
  const set = await kubectl.json(setSchema, ['-n', namespace, 'get', 'statefulset', name]);
  const replicas = set?.spec.replicas ?? 0;
  const memories = new Map<string, readonly string[]>();
  const read = async (pod: string): Promise<string[]> =>
    known === undefined
      ? []
      : (await kubectl.run(['-n', namespace, 'exec', pod, '--', ...known.memory]))
          .split('\n')
          .filter(Boolean);
  for (let ordinal = replicas - 1; ordinal >= 0; ordinal -= 1) {
    const pod = `${name}-${ordinal}`;
    line.note(`restarting ${pod}`);
    if (known?.prepare !== undefined) {
      await kubectl.run(['-n', namespace, 'exec', pod, '--', ...known.prepare]);
    }
    memories.set(pod, await read(pod));
    await kubectl.run(['-n', namespace, 'delete', 'pod', pod, '--wait'], { timeoutSeconds: 300 });
    await kubectl.run(
      ['-n', namespace, 'rollout', 'status', `statefulset/${name}`, `--timeout=${RESTART_SECONDS}s`],
      { timeoutSeconds: RESTART_SECONDS + 30 },
    );
  }
  const lost = await Promise.all(
    [...memories].map(async ([pod, before]) => {
      const after = await read(pod);
      const missing = before.filter((each) => !after.includes(each));
      return missing.length === 0
        ? []
        : [
            {
              thing: `Pod ${pod}`,
              fact: `has lost in its restart: ${missing.slice(0, 5).join(', ')}`,
              fix: 'Keep it as it is, and restore what is missing: docs/how-to/back-up-and-restore.md.',
            },
          ];
    }),
  );
  return lost.flat();
}

/** A broker reads all its logs after a hard stop. */
const RESTART_SECONDS = 600;
