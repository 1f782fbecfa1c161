/** Shops on kind clusters of the benchmark's own, at ports that no other cluster of this project has. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { loadConfig } from '../environments/load.ts';
import { NODE_PORTS } from '../environments/local-ports.ts';
import type { Config } from '../environments/schema.ts';
import { Till, type Entrance } from './till.ts';
import { Unavailable } from './work.ts';

const ROOT = join(import.meta.dirname, '..');
export const NAMESPACE = 'zakpos';

const PORTS = {
  http: 22080,
  https: 22443,
  api: 22847,
  web: 22923,
  mobile: 22906,
  apiDebug: 22229,
  webDebug: 22230,
  postgres: 22432,
  redis: 22379,
  kafka: 22092,
};

type Environment = 'dev' | 'test' | 'prod';
type Values = Readonly<Record<string, unknown>>;

/** Clusters that a work has made and nobody has deleted. */
const open = new Set<Shop>();

/** Deletes the clusters that works have made. */
export async function closeShops(): Promise<void> {
  for (const shop of open) await shop.close();
}

export class Shop {
  readonly context: string;
  readonly config: Config;
  private readonly cluster: string;
  private readonly values: string;

  /** @param values beside the environment's own */
  constructor(name: string, environment: Environment, values: Values = {}) {
    this.cluster = `zakpos-bench-${name}`;
    this.context = `kind-${this.cluster}`;
    const folder = mkdtempSync(join(tmpdir(), 'zakpos-bench-'));
    process.once('exit', () => {
      rmSync(folder, { recursive: true });
    });
    this.values = join(folder, 'values.json');
    writeFileSync(this.values, JSON.stringify({ environment, localPorts: PORTS, ...values }));
    this.config = loadConfig(environment, { configFile: this.values, onKind: true });
  }

  /**
   * Makes the cluster with the shop on it, or brings one up to date.
   * @throws {Unavailable} without docker or kind
   */
  async open(): Promise<void> {
    for (const [program, argument] of [
      ['docker', 'info'],
      ['kind', 'version'],
    ] as const) {
      const { failed } = await execa(program, [argument], { reject: false });
      if (failed) throw new Unavailable(`\`${program} ${argument}\` fails: there is no cluster without it`);
    }
    // Each has the computer to itself.
    for (const other of open) if (other.cluster !== this.cluster) await other.close();
    open.add(this);
    await this.run('up');
  }

  async close(): Promise<void> {
    await execa('kind', ['delete', 'cluster', '--name', this.cluster]);
    for (const other of open) if (other.cluster === this.cluster) open.delete(other);
  }

  /** `npm run <command>` on this cluster, and the seconds that it took. */
  async run(command: string, ...args: readonly string[]): Promise<number> {
    const target = ['--env', this.config.environment, '--cluster', this.cluster];
    const { failed, all, durationMs } = await execa(
      'npm',
      ['run', '--silent', command, '--', ...target, ...args],
      { cwd: ROOT, env: { ZAKPOS_CONFIG: this.values }, all: true, reject: false, stdin: 'ignore' },
    );
    if (failed) throw new Error(all);
    return durationMs / 1000;
  }

  kubectl(...args: readonly string[]) {
    return execa('kubectl', ['--context', this.context, ...args], { stdin: 'ignore' });
  }

  /** Renders the manifests into a folder, and answers where they are. */
  async render(folder: string): Promise<string> {
    const { environment } = this.config;
    await execa(process.execPath, ['synth.mjs'], {
      cwd: ROOT,
      env: {
        ZAKPOS_ENV: environment,
        ZAKPOS_CONFIG: this.values,
        ZAKPOS_ON_KIND: 'true',
        CDK8S_OUTDIR: folder,
      },
    });
    return join(folder, environment);
  }

  /** Its ingress. */
  async entrance(): Promise<Entrance> {
    const { tls } = this.config.ingress;
    const found = {
      ...this.entranceAt(NODE_PORTS[tls.source === 'none' ? 'http' : 'https'], await this.nodeAddress()),
      password: await this.secret('zakpos-admin', 'password'),
    };
    return tls.source === 'none' ? found : { ...found, authority: await this.secret(tls.secret, 'ca.crt') };
  }

  /** A till at its ingress, logged in, for which there is enough of everything. */
  async till(): Promise<Till> {
    await this.stockUp();
    const till = new Till(await this.entrance());
    await till.open();
    return till;
  }

  /** A port at which the shop is without TLS and with dev's password. */
  entranceAt(port: number, address = '127.0.0.1'): Entrance {
    const { ingress, api, secrets } = this.config;
    const password = secrets.values.adminPassword ?? '';
    return { address, port, host: ingress.host, email: api.adminEmail, password };
  }

  private async secret(name: string, key: string): Promise<string> {
    const path = `{.data.${key.replaceAll('.', '\\.')}}`;
    const { stdout } = await this.kubectl('-n', NAMESPACE, 'get', 'secret', name, '-o', `jsonpath=${path}`);
    return Buffer.from(stdout, 'base64').toString();
  }

  /** Address of the first node, whose ports lead to Services without a proxy of Docker's in between. */
  async nodeAddress(): Promise<string> {
    const path = '{.items[0].status.addresses[?(@.type=="InternalIP")].address}';
    return (await this.kubectl('get', 'nodes', '-o', `jsonpath=${path}`)).stdout;
  }

  /** A command in PostgreSQL's container. */
  stockingUp(): string[] {
    const fill = 'update products set stock = 100000000';
    return ['psql', '-qU', 'postgres', '-d', this.config.postgres.database, '-c', fill];
  }

  /** So much of each product that no benchmark sells out. */
  async stockUp(): Promise<void> {
    await this.kubectl('-n', NAMESPACE, 'exec', 'zakpos-postgres-0', '--', ...this.stockingUp());
  }
}

/** Namespaces of a shop: all that there is of it is in them. */
export const NAMESPACES = [NAMESPACE, 'zakpos-system'];

/** Limits for one client that is many. */
const API_LIMITS = { loginLimitPerMinute: 1000, rateLimitPerMinute: 1_000_000 };
export const LIMITS = { api: API_LIMITS, ingress: { rateLimit: { average: 10_000, burst: 20_000 } } };

/** Dev, its apps from images as in production. */
export const shop = new Shop('dev', 'dev', {
  ...LIMITS,
  api: { ...API_LIMITS, sources: 'image' },
  web: { sources: 'image' },
  mobile: { sources: 'image' },
});
