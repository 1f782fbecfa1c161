/** Whether names and ports of this machine lead to its own cluster: no VPN, proxy or other program in between. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Config } from '../../environments/schema.ts';
import { takenPorts } from '../ports.ts';
import { ok, problem, type Finding } from './finding.ts';

/** Addresses of a name; none where nobody knows it. */
export type Resolve = (name: string) => Promise<readonly string[]>;

const resolveHere: Resolve = async (name) => {
  try {
    return (await lookup(name, { all: true })).map(({ address }) => address);
  } catch {
    return [];
  }
};

const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1';

/** Names that lead to this machine by their own definition (RFC 6761), unless somebody captures them. */
export async function names({ ingress }: Config, resolve = resolveHere): Promise<Finding[]> {
  const own = [ingress.host, ingress.mobileHost].filter((name) => name.endsWith('.localhost'));
  const resolved = await Promise.all(
    ['localhost', ...own].map(async (name) => ({ name, addresses: await resolve(name) })),
  );
  const captured = resolved.flatMap(({ name, addresses }) => {
    const foreign = addresses.find((address) => !isLoopback(address));
    return foreign === undefined
      ? []
      : [
          problem(
            'DNS',
            `${name} leads to ${foreign} and not to this machine: a VPN or a proxy answers for it.`,
            `Leave the VPN, or add "127.0.0.1 ${name}" to /etc/hosts (on Windows, to C:\\Windows\\System32\\drivers\\etc\\hosts).`,
          ),
        ];
  });
  // Reserved, too: there is no such name, ever.
  const [invented] = await resolve('zakpos-doctor.invalid');
  if (invented !== undefined) {
    captured.push(
      problem(
        'DNS',
        `A name that can't exist leads to ${invented}: a VPN, a proxy or the network answers for every name, in pods as well.`,
        'Leave the VPN, or use a resolver that says what is not there (in /etc/resolv.conf, or the settings of the network), then restart docker.',
      ),
    );
  }
  const unknown = resolved.filter(({ addresses }) => addresses.length === 0).map(({ name }) => name);
  if (captured.length > 0) return captured;
  return [
    ok(
      'DNS',
      unknown.length === 0
        ? `${resolved.map(({ name }) => name).join(', ')} lead to this machine`
        : `nobody captures it; ${unknown.join(', ')} ${unknown.length === 1 ? 'is' : 'are'} known to browsers and curl alone`,
    ),
  ];
}

/** Hosts that no proxy may be asked for. */
const DIRECT = ['localhost', '127.0.0.1'];

/** Variables of a proxy, which curl and others heed for this machine, too, unless they are told otherwise. */
export function proxy(variables: Readonly<Record<string, string | undefined>> = process.env): Finding {
  const value = (name: string): string => variables[name] ?? variables[name.toLowerCase()] ?? '';
  const set = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'].filter((name) => value(name) !== '');
  if (set.length === 0) return ok('proxy', 'none is set');
  const except = value('NO_PROXY')
    .split(',')
    .map((name) => name.trim().replace(/^\*?\./, ''));
  const missing = DIRECT.filter(
    (name) => !except.includes('*') && !except.some((each) => covers(each, name)),
  );
  if (missing.length === 0) return ok('proxy', `${set.join(', ')} is set, and NO_PROXY spares this machine`);
  return problem(
    'proxy',
    `${set.join(', ')} is set, and NO_PROXY does not name ${missing.join(', ')}: calls of the cluster and of the till go to the proxy.`,
    '`export NO_PROXY=localhost,127.0.0.1,.localhost,.svc,.cluster.local,10.96.0.0/16,10.244.0.0/16`, and the same as no_proxy.',
  );
}

const covers = (pattern: string, name: string): boolean =>
  pattern === name || (isIP(name) !== 0 && pattern === '127.0.0.0/8');

/** Ports that the cluster is going to take; `wanted` is what its configuration maps. */
export async function ports(wanted: Readonly<Record<string, number>>): Promise<Finding[]> {
  const taken = await takenPorts(wanted);
  if (taken.length === 0) return [ok('ports', `${Object.values(wanted).join(', ')} are free`)];
  return taken.map(({ fact, fix }) => problem('ports', fact, fix));
}
