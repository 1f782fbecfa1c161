import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A certificate authority whose files are in a folder. */
export class Authority {
  readonly certificate: string;
  private readonly key: string;

  private constructor(
    private readonly folder: string,
    readonly name: string,
  ) {
    this.certificate = join(folder, `${name}.crt`);
    this.key = join(folder, `${name}.key`);
  }

  static async create(folder: string, name: string): Promise<Authority> {
    const authority = new Authority(folder, name);
    await makeCertificate(authority.certificate, authority.key, name, []);
    return authority;
  }

  /** A server's certificate and key. */
  async issue(host: string): Promise<{ certificate: string; key: string }> {
    const [certificate, key] = [join(this.folder, `${host}.crt`), join(this.folder, `${host}.key`)];
    await makeCertificate(certificate, key, host, [
      ...['-CA', this.certificate, '-CAkey', this.key],
      ...['-addext', 'basicConstraints=CA:FALSE', '-addext', `subjectAltName=DNS:${host}`],
    ]);
    return { certificate, key };
  }
}

async function makeCertificate(
  certificate: string,
  key: string,
  name: string,
  more: readonly string[],
): Promise<void> {
  const keyKind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc'];
  const files = ['-out', certificate, '-keyout', key];
  await run('openssl', ['req', '-x509', ...keyKind, ...files, '-days', '2', '-subj', `/CN=${name}`, ...more]);
}
