import { k8s } from './k8s.ts';
import { checksum } from './checksum.ts';
import type { ConfigFiles } from './config-files.ts';
import type { SecretRef } from './secret-ref.ts';

/** A volume of a pod, made by one of the factories and used by mounting it. */
export interface Volume {
  readonly name: string;
  /**
   * What backs it.
   * @default - a claim of the StatefulSet's volumeClaimTemplates with the same name
   */
  readonly source?: Omit<k8s.Volume, 'name'>;
  /**
   * Checksum of its content; a change rolls the pod.
   * @default - the content has none
   */
  readonly checksum?: string;
  /** Whether it can only be read. */
  readonly readOnly: boolean;
  /**
   * MiB of the node's disk that it may take.
   * @default - none
   */
  readonly diskMebibytes?: number;
}

export interface ClaimProps {
  /** Name of the claim and of the volume that mounts it. */
  readonly name: string;
  /** Size, such as `20Gi`. */
  readonly size: string;
  /**
   * StorageClass.
   * @default - the default class of the cluster
   */
  readonly storageClass?: string;
}

export interface EmptyDirOptions {
  /**
   * MiB above which the pod is evicted.
   * @default 64
   */
  readonly mebibytes?: number;
  /**
   * Whether it lies in memory, counted against the container's limit.
   * @default false
   */
  readonly memory?: boolean;
}

export const Volume = {
  /** The files of a ConfigMap. `mode` is their permission bits. */
  configFiles: (name: string, config: ConfigFiles, mode = 0o444): Volume => ({
    name,
    source: { configMap: { name: config.name, defaultMode: mode } },
    checksum: config.checksum,
    readOnly: true,
  }),

  /** The files of several ConfigMaps in one folder; none has a name that another one has. */
  configFilesOf: (name: string, configs: readonly Pick<ConfigFiles, 'name' | 'checksum'>[]): Volume => ({
    name,
    source: {
      projected: {
        defaultMode: 0o444,
        sources: configs.map((config) => ({ configMap: { name: config.name } })),
      },
    },
    checksum: checksum(configs.map((config) => config.checksum).join()),
    readOnly: true,
  }),

  /** A folder of the node, to be read only; a namespace with Pod Security `restricted` or `baseline` refuses it. */
  nodeFolder: (name: string, path: string): Volume => ({
    name,
    source: { hostPath: { path, type: 'Directory' } },
    readOnly: true,
  }),

  /** The keys of a Secret as files; only `keys` where they are named. */
  secret: (name: string, secret: SecretRef, keys?: readonly string[]): Volume => ({
    name,
    source: {
      secret: {
        secretName: secret.name,
        defaultMode: 0o440,
        ...(keys === undefined ? {} : { items: keys.map((key) => ({ key, path: key })) }),
      },
    },
    checksum: secret.checksum,
    readOnly: true,
  }),

  /** Some keys of a Secret that may be there later, or never; it holds nothing until then. */
  optionalSecret: (name: string, { name: secretName }: SecretRef, keys: readonly string[]): Volume => ({
    name,
    source: {
      secret: {
        secretName,
        optional: true,
        defaultMode: 0o440,
        items: keys.map((key) => ({ key, path: key })),
      },
    },
    readOnly: true,
  }),

  /** The files of a ConfigMap that somebody makes in the cluster, now or later. */
  optionalConfigMap: (name: string, configMap: string): Volume => ({
    name,
    source: { configMap: { name: configMap, optional: true, defaultMode: 0o444 } },
    readOnly: true,
  }),

  /** Scratch space that ends with the pod. */
  emptyDir: (name: string, { mebibytes = 64, memory = false }: EmptyDirOptions = {}): Volume => ({
    name,
    source: {
      emptyDir: {
        sizeLimit: k8s.Quantity.fromString(`${mebibytes}Mi`),
        ...(memory ? { medium: 'Memory' } : {}),
      },
    },
    readOnly: false,
    ...(memory ? {} : { diskMebibytes: mebibytes }),
  }),

  /** A claim that begins and ends with the pod. */
  ephemeralClaim: (name: string, { size, storageClass }: Omit<ClaimProps, 'name'>): Volume => ({
    name,
    source: {
      ephemeral: {
        volumeClaimTemplate: {
          spec: {
            accessModes: ['ReadWriteOnce'],
            resources: { requests: { storage: k8s.Quantity.fromString(size) } },
            ...(storageClass === undefined ? {} : { storageClassName: storageClass }),
          },
        },
      },
    },
    readOnly: false,
  }),

  /** A claim that is there. */
  existingClaim: (name: string, claimName: string): Volume => ({
    name,
    source: { persistentVolumeClaim: { claimName } },
    readOnly: false,
  }),

  /** The claim that a StatefulSet makes for each of its pods under this name. */
  claim: (name: string): Volume => ({ name, readOnly: false }),
};

/** Where a container sees a volume. */
export interface Mount {
  readonly volume: Volume;
  readonly path: string;
  /**
   * One file or folder of the volume instead of all of it.
   * @default - the whole volume
   */
  readonly subPath?: string;
}
