import { k8s } from './k8s.ts';
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
}

export interface EmptyDirOptions {
  /**
   * Size above which the pod is evicted, such as `64Mi`.
   * @default '64Mi'
   */
  readonly size?: string;
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

  /** The keys of a Secret as files. */
  secret: (name: string, secret: SecretRef): Volume => ({
    name,
    source: { secret: { secretName: secret.name, defaultMode: 0o440 } },
    checksum: secret.checksum,
    readOnly: true,
  }),

  /** Scratch space that ends with the pod. */
  emptyDir: (name: string, options: EmptyDirOptions = {}): Volume => ({
    name,
    source: {
      emptyDir: {
        sizeLimit: k8s.Quantity.fromString(options.size ?? '64Mi'),
        ...(options.memory === true ? { medium: 'Memory' } : {}),
      },
    },
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
