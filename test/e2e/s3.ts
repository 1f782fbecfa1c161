/** An S3 server beside the cluster, in a container of its own on kind's network. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { CLUSTER, kubectl, NAMESPACE, tryKubectl } from './harness.ts';

const CONTAINER = `${CLUSTER}-s3`;
const IMAGE = 'versity/versitygw:v1.8.0';
const PORT = 7070;
const BUCKET = 'backups';
const ACCESS_KEY = 'zakpos-e2e';
const SECRET_KEY = 'zakpos-e2e-secret-key';

export class S3 {
  /** Folder of this machine with the bucket's objects. */
  readonly folder: string;
  readonly endpoint: string;
  /** What an environment says of its backups. */
  readonly values: Readonly<Record<string, unknown>>;

  private constructor(folder: string, address: string) {
    this.folder = folder;
    this.endpoint = `http://${address}:${PORT}`;
    this.values = {
      s3: { endpoint: this.endpoint, cidr: `${address}/32`, bucket: BUCKET },
    };
  }

  static async start(): Promise<S3> {
    await execa('docker', ['rm', '--force', '--volumes', CONTAINER]);
    const data = mkdtempSync(join(tmpdir(), 'zakpos-e2e-s3-'));
    mkdirSync(join(data, BUCKET));
    chmodSync(data, 0o755);
    await execa('docker', [
      ...['run', '--detach', '--name', CONTAINER, '--network', 'kind', '--volume', `${data}:/data`, IMAGE],
      ...['--access', ACCESS_KEY, '--secret', SECRET_KEY, 'posix', '/data'],
    ]);
    const { stdout } = await execa('docker', [
      ...['inspect', CONTAINER, '--format', '{{ .NetworkSettings.Networks.kind.IPAddress }}'],
    ]);
    return new S3(join(data, BUCKET), stdout.trim());
  }

  /** The Secret by which the product logs in to it. */
  async giveCredentials(namespace = NAMESPACE): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'zakpos-e2e-s3-'));
    writeFileSync(join(folder, 'access-key-id'), ACCESS_KEY);
    writeFileSync(join(folder, 'secret-access-key'), SECRET_KEY);
    await tryKubectl('create', 'namespace', namespace);
    await tryKubectl('-n', namespace, 'delete', 'secret', 'zakpos-backup-s3');
    await kubectl(
      ...['-n', namespace, 'create', 'secret', 'generic', 'zakpos-backup-s3'],
      ...['access-key-id', 'secret-access-key'].map((key) => `--from-file=${key}=${join(folder, key)}`),
    );
  }

  /** It answers nobody until `back`: connections hang, as when a network is gone. */
  away = () => execa('docker', ['pause', CONTAINER]);
  back = () => execa('docker', ['unpause', CONTAINER]);
  stop = () => execa('docker', ['rm', '--force', '--volumes', CONTAINER]);

  /** Paths of the bucket's objects whose name ends so, in the order of their names. */
  objects(ending: string): string[] {
    return readdirSync(this.folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith(ending))
      .sort()
      .map((path) => join(this.folder, path));
  }
}
