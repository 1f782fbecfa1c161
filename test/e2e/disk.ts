/** A small disk of a node, on a file of its own, and the class and volume by which a claim finds it. */
import { execa } from 'execa';
import { stringify } from 'yaml';
import { CONTEXT, tryKubectl } from './harness.ts';

export interface DiskProps {
  /** Name of the StorageClass and the PersistentVolume. */
  readonly name: string;
  readonly node: string;
  readonly mebibytes: number;
}

export class Disk {
  private readonly props: DiskProps;
  private readonly mount: string;
  private readonly image: string;

  constructor(props: DiskProps) {
    this.props = props;
    this.mount = `/var/lib/${props.name}`;
    this.image = `/var/${props.name}.img`;
  }

  /** Some of its space is the file system's own: a claim may ask for five sixths. */
  async make(): Promise<void> {
    const { name, node, mebibytes } = this.props;
    const { mount, image } = this;
    await this.onNode(
      `fallocate -l ${mebibytes}M ${image}; mkfs.ext4 -q -m 0 ${image}; mkdir -p ${mount}; mount -o loop ${image} ${mount}`,
    );
    const objects = [
      {
        apiVersion: 'storage.k8s.io/v1',
        kind: 'StorageClass',
        metadata: { name },
        provisioner: 'kubernetes.io/no-provisioner',
        volumeBindingMode: 'WaitForFirstConsumer',
      },
      {
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name },
        spec: {
          capacity: { storage: `${Math.floor((mebibytes * 5) / 6)}Mi` },
          accessModes: ['ReadWriteOnce'],
          persistentVolumeReclaimPolicy: 'Retain',
          storageClassName: name,
          local: { path: mount },
          nodeAffinity: {
            required: {
              nodeSelectorTerms: [
                { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] },
              ],
            },
          },
        },
      },
    ];
    await execa('kubectl', ['--context', CONTEXT, 'apply', '-f', '-'], {
      input: objects.map((object) => stringify(object)).join('---\n'),
    });
  }

  /** Whether a run before has made it. */
  exists = async (): Promise<boolean> =>
    (await tryKubectl('get', 'persistentvolume', this.props.name)).exitCode === 0;

  /** When nothing uses it any more. */
  async remove(): Promise<void> {
    await tryKubectl('delete', 'persistentvolume,storageclass', this.props.name, '--ignore-not-found');
    await this.onNode(`if mountpoint -q ${this.mount}; then umount ${this.mount}; fi; rm -f ${this.image}`);
  }

  /** Takes all of its space but some. */
  fill = (bytesLeft: number): Promise<string> =>
    this.onNode(
      `fallocate -l $(($(df --output=avail -B1 ${this.mount} | tail -1) - ${bytesLeft})) ${this.mount}/filling`,
    );
  /** Gives back what `fill` took. */
  empty = (): Promise<string> => this.onNode(`rm ${this.mount}/filling`);

  private async onNode(script: string): Promise<string> {
    return (await execa('docker', ['exec', this.props.node, 'sh', '-euc', script])).stdout;
  }
}
