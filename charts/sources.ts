import type { Construct } from 'constructs';
import { isMounted, type AppName } from '../environments/images.ts';
import type { Config } from '../environments/schema.ts';
import { checksum } from '../lib/checksum.ts';
import { clusterScoped } from '../lib/cluster-scoped.ts';
import { ConfigFiles } from '../lib/config-files.ts';
import { k8s } from '../lib/k8s.ts';
import { KEPT } from '../lib/kept.ts';
import type { ContainerProps } from '../lib/pod.ts';
import { filesOf } from '../lib/scripts.ts';
import { Volume } from '../lib/volume.ts';
import { SOURCES } from './names.ts';
import { ZakposChart, type ZakposChartProps } from './zakpos-chart.ts';

/** Where kind-config.yaml puts the checkout's apps/ in the node, and where pods see it. */
const APPS_FOLDER = '/zakpos/apps';
/** Beside node_modules of the image, in which what is imported is then found. */
const WORK = '/app/work';
const PROGRAM = '/app/develop';

const programFiles = (): Record<string, string> => ({
  ...filesOf(
    'develop',
    ...[
      'main.ts',
      'ahead.ts',
      'mirror.ts',
      'build.ts',
      'compiler.ts',
      'transpile.ts',
      'server.ts',
      'dependencies.ts',
      'warm.ts',
      'log.ts',
    ],
  ),
  // They are modules, as everywhere in this project.
  'package.json': JSON.stringify({ type: 'module' }),
});

/**
 * The checkout's apps/ for the pods of a namespace. A folder of a node is refused by Pod Security `restricted`, the claim
 * of a volume that is one is not: what it leads to is for whoever may make volumes to say.
 */
export class SourcesChart extends ZakposChart {
  constructor(scope: Construct, id: string, props: ZakposChartProps) {
    super(scope, id, props);
    const { namespace } = props.config;
    const volumeName = `${namespace}-sources`;
    const shape = {
      accessModes: ['ReadOnlyMany'],
      // No class: nobody is to make another volume for the claim.
      storageClassName: '',
    };
    // What a folder of a node holds has no bound that anybody keeps.
    const storage = k8s.Quantity.fromString('1Gi');
    clusterScoped(
      new k8s.KubePersistentVolume(this, 'volume', {
        metadata: { name: volumeName, annotations: KEPT },
        spec: {
          ...shape,
          capacity: { storage },
          persistentVolumeReclaimPolicy: 'Retain',
          hostPath: { path: APPS_FOLDER, type: 'Directory' },
          claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name: SOURCES },
        },
      }),
    );
    new k8s.KubePersistentVolumeClaim(this, 'claim', {
      metadata: { name: SOURCES, annotations: KEPT },
      spec: { ...shape, volumeName, resources: { requests: { storage } } },
    });
    new ConfigFiles(this, 'program', { name: SOURCES, files: programFiles() });
  }
}

export interface FromSources {
  /** What runs, in the folder of the app. */
  readonly command: readonly string[];
  /**
   * Whether it goes on running, and takes every change.
   * @default true
   */
  readonly serves?: boolean;
  /**
   * URL of the process that answers once it has started.
   * @default - it serves nobody
   */
  readonly health?: string;
  /**
   * URL of a page that is made in advance; {@link STARTED} is there once it is.
   * @default - none
   */
  readonly warm?: string;
  /**
   * Whether the process of the next save waits with its packages loaded, which takes as much memory as the app again.
   * @default false
   */
  readonly ahead?: boolean;
  /**
   * MiB of disk that the sources, and what is made of them, may take.
   * @default 128
   */
  readonly mebibytes?: number;
}

/** File that is there once an app has made its first page. */
export const STARTED = '/tmp/started';
/** Probes of a server for development. */
export const DEVELOPMENT_PROBES = {
  // On a laptop that starts everything at once.
  startupSeconds: 300,
  // A save, or a breakpoint, holds the one pod that there is for a while; its requests wait for it rather than fail.
  readinessFailures: 10,
};

type Code = Required<Pick<ContainerProps, 'env' | 'mounts'>> & Pick<ContainerProps, 'command'>;

/** How a container of an app gets its code: by the program of develop/, where it is mounted, else from its image. */
export function codeOf(config: Config, app: AppName, props: FromSources, command?: readonly string[]): Code {
  if (!isMounted(config, app)) return { env: {}, mounts: [], ...(command === undefined ? {} : { command }) };
  const { serves = true, health, warm, ahead = false, mebibytes = 128 } = props;
  const program = { name: SOURCES, checksum: checksum(JSON.stringify(programFiles())) };
  return {
    // Node.js says of TypeScript that it is an experiment.
    command: [
      ...['node', '--disable-warning=ExperimentalWarning', `${PROGRAM}/main.ts`],
      ...[serves ? 'serve' : 'once', app],
      ...props.command,
    ],
    env: {
      SOURCES: APPS_FOLDER,
      WORK,
      ...(health === undefined ? {} : { HEALTH: health }),
      ...(warm === undefined ? {} : { WARM: warm, STARTED }),
      ...(ahead ? { AHEAD: 'true' } : {}),
    },
    mounts: [
      { volume: { ...Volume.existingClaim('sources', SOURCES), readOnly: true }, path: APPS_FOLDER },
      { volume: Volume.configFilesOf('develop', [program]), path: PROGRAM },
      { volume: Volume.emptyDir('work', { mebibytes }), path: WORK },
    ],
  };
}
