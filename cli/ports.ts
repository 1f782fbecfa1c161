/** Whether the ports that the kind cluster takes on this machine are free, and who has them if not. */
import { connect, createServer } from 'node:net';
import { CliError } from './errors.ts';
import { attempt } from './exec.ts';

const HOST = '127.0.0.1';

/**
 * Checks that each port is asked for once and free on 127.0.0.1.
 * @throws {CliError} that names each one that isn't, its field of the configuration and who holds it
 */
export async function requireFreePorts(ports: Readonly<Record<string, number>>): Promise<void> {
  const wanted = Object.entries(ports);
  for (const [field, port] of wanted) {
    const twin = wanted.find(([other, number]) => other !== field && number === port);
    if (twin !== undefined) {
      throw new CliError(
        `localPorts.${field} and localPorts.${twin[0]} are both ${port}.`,
        'Give each a port of its own in the file that ZAKPOS_CONFIG names.',
      );
    }
  }
  const taken = await takenPorts(ports);
  const [first] = taken;
  if (first === undefined) return;
  throw new CliError(taken.map(({ fact }) => fact).join('\n'), first.fix);
}

/** A port that somebody has. */
export interface TakenPort {
  /** Which one, its field of the configuration and who holds it. */
  readonly fact: string;
  readonly fix: string;
}

/** Those of the ports that aren't free on 127.0.0.1. */
export async function takenPorts(ports: Readonly<Record<string, number>>): Promise<TakenPort[]> {
  const taken = await Promise.all(
    Object.entries(ports).map(async ([field, port]) => ((await isTaken(port)) ? [{ field, port }] : [])),
  );
  return Promise.all(
    taken.flat().map(async ({ field, port }) => {
      const holder = await holderOf(port);
      return {
        fact: `Port ${port} of this machine (localPorts.${field}) is taken${holder === undefined ? '' : ` by ${holder}`}.`,
        fix:
          `Stop what holds it; or choose another port: a file with "localPorts: { ${field}: ${otherThan(port, Object.values(ports))} }", ` +
          'named by ZAKPOS_CONFIG=<file> before the command.',
      };
    }),
  );
}

/** A port near a taken one that no field has. */
function otherThan(taken: number, wanted: readonly number[]): number {
  const other = taken === 80 ? 8080 : taken + 1;
  return wanted.includes(other) ? otherThan(other, wanted) : other;
}

/** Whether something listens on the port, or listening on it is refused for that reason. */
export async function isTaken(port: number): Promise<boolean> {
  return (await answers(port)) || (await cannotListen(port));
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: HOST, port, timeout: 1000 });
    const end = (open: boolean) => () => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false));
  });
}

/** A port below 1024 that this user may not listen on says nothing: docker may. */
function cannotListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => {
      resolve('code' in error && error.code === 'EADDRINUSE');
    });
    server.listen({ host: HOST, port, exclusive: true }, () => {
      server.close(() => {
        resolve(false);
      });
    });
  });
}

/** Who listens on a port, as far as docker or the system tells this user. */
async function holderOf(port: number): Promise<string | undefined> {
  const docker = await attempt('docker', ['ps', '--filter', `publish=${port}`, '--format', '{{.Names}}']);
  const [container] = docker.stdout.trim().split('\n');
  if (docker.ok && container !== undefined && container !== '') return `the docker container ${container}`;

  const sockets = await attempt('ss', ['-Hltnp', `sport = :${port}`]);
  const [, name, pid] = /\(\("([^"]+)",pid=(\d+)/.exec(sockets.stdout) ?? [];
  if (name !== undefined && pid !== undefined) return `${name} (process ${pid})`;

  const files = await attempt('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc']);
  const [, process, command] = /p(\d+)\nc(.+)/.exec(files.stdout) ?? [];
  return process === undefined || command === undefined ? undefined : `${command} (process ${process})`;
}
