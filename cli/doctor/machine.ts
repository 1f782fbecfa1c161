/** Whether this machine can run ZakPOS: its tools, its memory and disk, the checkout and the limits of its kernel. */
import { existsSync, readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { toBytes } from '../../environments/quantities.ts';
import { ROOT, type Manifest } from '../environment.ts';
import { run } from '../exec.ts';
import { checkTools, currentSystem, isOlder, type System, type Tool } from '../tools.ts';
import { advice, leftOut, ok, problem, type Finding } from './finding.ts';

const packageSchema = z.object({ engines: z.object({ node: z.string() }) });

export function node(version = process.versions.node): Finding {
  const { engines } = packageSchema.parse(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')));
  const minimum = engines.node.replace('>=', '');
  return isOlder(version, minimum)
    ? problem(
        'node',
        `Node ${version} is too old; ${minimum} is the oldest that works.`,
        'Install the current LTS: https://nodejs.org',
      )
    : ok('node', version);
}

export const tool = async (name: Tool): Promise<Finding> =>
  ok(name, (await checkTools([name])).replace(`${name} `, ''));

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

const dockerInfo = z.object({ MemTotal: z.number(), DockerRootDir: z.string() });
export type DockerInfo = z.output<typeof dockerInfo>;

export const readDockerInfo = async (): Promise<DockerInfo> =>
  dockerInfo.parse(JSON.parse(await run('docker', ['info', '--format', '{{json .}}'])));

/** What Kubernetes itself takes of a kind node, its control plane and what the system runs beside it. */
const KUBERNETES = 2 ** 30;

/** Compares what docker has with what the pods are promised; `available` is asked of where nothing runs yet. */
export function memory(
  { MemTotal: total }: DockerInfo,
  objects: readonly Manifest[],
  available: number,
): Finding {
  const needed = KUBERNETES + requestsOf(objects);
  const fact = `docker has ${gibibytes(total)}; Kubernetes and the pods ask for ${gibibytes(needed)}`;
  if (total < needed) {
    return problem(
      'memory',
      `${fact}.`,
      "Give docker more (Docker Desktop: Settings, Resources; colima: `colima start --memory 8`), or choose less in a file that ZAKPOS_CONFIG names: `monitoring.bundled` and the stores' `resources`.",
    );
  }
  if (available < needed) {
    return advice(
      'memory',
      `${fact}, and ${gibibytes(available)} of this machine are free.`,
      'Close what takes memory before `npm run up`, else pods are killed or stay Pending.',
    );
  }
  return ok('memory', fact);
}

const workload = z.object({
  kind: z.enum(['Deployment', 'StatefulSet', 'DaemonSet']),
  spec: z.object({
    replicas: z.number().default(1),
    template: z.object({
      spec: z.object({
        containers: z.array(
          z.object({
            resources: z.object({ requests: z.object({ memory: z.string() }) }),
          }),
        ),
      }),
    }),
  }),
});

/** Bytes that the pods of all workloads ask for. */
function requestsOf(objects: readonly Manifest[]): number {
  const found = objects.flatMap((object) => {
    const { success, data } = workload.safeParse(object);
    return success ? [data.spec] : [];
  });
  return found
    .flatMap(({ replicas, template }) =>
      template.spec.containers.map(({ resources }) => replicas * toBytes(resources.requests.memory)),
    )
    .reduce((total, bytes) => total + bytes, 0);
}

/** Before the first `up`: the images of kind, of the stores and of the apps, twice, and the volumes. */
const DISK_BEFORE = 12 * 2 ** 30;
/** What images that are built again and growing volumes take. */
const DISK_AFTER = 3 * 2 ** 30;

/** Compares what is free where docker keeps images and volumes. */
export async function disk(
  { DockerRootDir: folder }: DockerInfo,
  hasCluster: boolean,
  freeOf = freeIn,
): Promise<Finding> {
  const free = await freeOf(folder);
  if (free === undefined) return leftOut('disk', 'docker keeps its files in a machine of its own');
  const needed = hasCluster ? DISK_AFTER : DISK_BEFORE;
  const fact = `${gibibytes(free)} are free in ${folder}`;
  return free >= needed
    ? ok('disk', fact)
    : problem(
        'disk',
        `${fact}; ${gibibytes(needed)} are needed.`,
        '`docker system df` shows what takes it; `docker builder prune` and `docker image prune` free what nothing uses.',
      );
}

async function freeIn(folder: string): Promise<number | undefined> {
  if (!existsSync(folder)) return undefined;
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** What kind asks for: each node and each pod watches files of its own, from one budget of the kernel. */
const INOTIFY = { max_user_watches: 524_288, max_user_instances: 512 } as const;

export function inotify(folder = '/proc/sys/fs/inotify'): Finding {
  if (!existsSync(folder)) return leftOut('inotify', 'only Linux has these limits');
  const low = Object.entries(INOTIFY).flatMap(([name, wanted]) => {
    const value = Number(readFileSync(join(folder, name), 'utf8'));
    return value < wanted ? [{ name, value, wanted }] : [];
  });
  if (low.length === 0) return ok('inotify', 'as many files may be watched as kind asks for');
  const settings = low.map(({ name, wanted }) => `fs.inotify.${name}=${wanted}`);
  return advice(
    'inotify',
    `${low.map(({ name, value, wanted }) => `fs.inotify.${name} is ${value}, and kind asks for ${wanted}`).join('; ')}: pods may fail with "too many open files".`,
    `\`sudo sysctl ${settings.join(' ')}\`, and the same in a file of /etc/sysctl.d to keep it.`,
  );
}

/** Where the checkout lies. */
export function checkout(folder = ROOT, system: System = currentSystem()): Finding {
  if (system === 'wsl' && /^\/mnt\/[a-z](\/|$)/.test(folder)) {
    return problem(
      'checkout',
      `${folder} is on a drive of Windows: there, no change of a file is told to Linux, and reading takes many times as long.`,
      'Clone it into the home folder of the distribution, such as ~/zakpos.',
    );
  }
  if (existsSync(join(folder, 'PACKAGE.JSON'))) {
    return advice(
      'checkout',
      `The file system of ${folder} does not tell capitals from small letters: a wrong one in an import works here and fails in an image.`,
      'Nothing has to be done for running it; CI finds such an import, as does a volume that tells them apart.',
    );
  }
  return ok('checkout', folder);
}
