import { createServer } from 'node:net';
import { execa } from 'execa';
import { architecture } from '../../charts/architecture.ts';
import { TASK } from '../../charts/names.ts';
import { selectorLabels } from '../../lib/labels.ts';
import { config, CONTEXT, kubectl, NAMESPACE, podOf, tryKubectl } from './harness.ts';

const SYSTEM = config.systemNamespace;
/** metrics-server's image has no shell to probe from, and the topics Job's pod has ended. */
const SILENT = ['metrics-server', 'zakpos-kafka-topics'];

interface Place {
  readonly name: string;
  readonly namespace: string;
  readonly pod: string;
  readonly ip: string;
}

/**
 * Whether a TCP connection from a pod to an address is accepted within 3 s. It is a word that tells, since an exec
 * whose stream ends early has the exit code 0 for kubectl.
 */
async function connects(from: Place, ip: string, port: number): Promise<boolean> {
  const attempt = `if command -v bash >/dev/null; then timeout 3 bash -c 'exec 3<>/dev/tcp/${ip}/${port}'; else nc -z -w 3 ${ip} ${port}; fi`;
  const script = `if (${attempt}) >/dev/null 2>&1; then echo open; else echo closed; fi`;
  const ask = async (): Promise<string> =>
    (await kubectl('-n', from.namespace, 'exec', from.pod, '--', 'sh', '-c', script)).stdout;
  let said = await ask();
  if (said === '') {
    console.log(`${from.pod} said nothing of ${ip}:${port}, and was asked again`);
    said = await ask();
  }
  if (said !== 'open' && said !== 'closed') {
    throw new Error(`${from.pod} says neither open nor closed of ${ip}:${port}: '${said}'`);
  }
  return said === 'open';
}

/** As many at a time as two processors start without being late for those that answer. */
const AT_ONCE = 24;

/** Does something with each of a list, several at a time: a connection that is refused takes its whole time. */
async function inTurns<T>(list: readonly T[], work: (each: T) => Promise<void>): Promise<void> {
  const left = [...list];
  const one = async (): Promise<void> => {
    for (let each = left.pop(); each !== undefined; each = left.pop()) await work(each);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

describe('network policies', () => {
  const { components, connections } = architecture(config);
  const workloads = components.flatMap(({ name, ours, peer }) =>
    ours && peer.kind === 'pods' && !SILENT.includes(name) ? [{ name, namespace: peer.namespace }] : [],
  );
  const targets = [
    ...new Set(connections.flatMap(({ target, ports }) => ports.map((port) => `${target.name}:${port}`))),
  ]
    .map((text) => ({ name: text.split(':')[0] ?? '', port: Number(text.split(':')[1]) }))
    .filter(({ name }) => workloads.some((workload) => workload.name === name));

  // A command starts its pod; here is one that has its labels, and waits.
  beforeAll(async () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: TASK, namespace: NAMESPACE, labels: selectorLabels(TASK) },
      spec: {
        automountServiceAccountToken: false,
        terminationGracePeriodSeconds: 0,
        securityContext: { runAsUser: 1001, runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [
          {
            name: 'waits',
            image: 'alpine:3.20',
            command: ['sleep', '3600'],
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
            resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '32Mi' } },
          },
        ],
      },
    };
    await execa('kubectl', ['--context', CONTEXT, 'apply', '--server-side', '-f', '-'], {
      input: JSON.stringify(pod),
    });
    await kubectl('-n', NAMESPACE, 'wait', '--for=condition=Ready', `pod/${TASK}`, '--timeout=120s');
  });
  afterAll(() => kubectl('-n', NAMESPACE, 'delete', 'pod', TASK));

  test('let through exactly the arrows of the architecture, between every pair of pods', async () => {
    const places = await Promise.all(
      workloads.map(async ({ name, namespace }): Promise<Place> => {
        const { name: pod, ip } = await podOf(name, namespace);
        return { name, namespace, pod, ip };
      }),
    );
    const pairs = places.flatMap((from) =>
      targets.flatMap(({ name, port }) => {
        const to = places.find((place) => place.name === name);
        // A pod reaches itself without passing a policy.
        return to === undefined || to.name === from.name ? [] : [{ from, to, port }];
      }),
    );
    const title = ({ from, to, port }: (typeof pairs)[number]): string =>
      `${from.name} -> ${to.name}:${port}`;
    const expected = pairs.filter(({ from, to, port }) =>
      connections.some(
        (c) => c.source.name === from.name && c.target.name === to.name && c.ports.includes(port),
      ),
    );
    const found: string[] = [];
    await inTurns(pairs, async (pair) => {
      if (await connects(pair.from, pair.to.ip, pair.port)) found.push(title(pair));
    });
    console.log(`${pairs.length} pairs tried, ${found.length} let through:\n${found.sort().join('\n')}`);
    expect(found.sort()).toEqual(expected.map(title).sort());
    expect(found.length).toBeGreaterThan(5);
  });

  test('let no pod of the product out of the cluster', async () => {
    // What listens is this machine, on the port of a Kubernetes API, which only the add-ons may reach anywhere.
    const gateway = await execa('docker', [
      'network',
      'inspect',
      'kind',
      '-f',
      '{{range .IPAM.Config}}{{.Gateway}} {{end}}',
    ]);
    const address = gateway.stdout.split(' ').find((ip) => ip.includes('.')) ?? '';
    const outside = createServer();
    await new Promise<void>((resolve) => outside.listen(6443, address, resolve));
    try {
      const reaches = async (workload: string, namespace: string): Promise<boolean> => {
        const { name: pod, ip } = await podOf(workload, namespace);
        return connects({ name: workload, namespace, pod, ip }, address, 6443);
      };
      expect(await reaches('traefik', SYSTEM)).toBe(true);
      const ours = workloads.filter(({ namespace }) => namespace === NAMESPACE);
      const out: string[] = [];
      await inTurns(ours, async ({ name }) => {
        if (await reaches(name, NAMESPACE)) out.push(name);
      });
      expect(out).toEqual([]);
      expect(ours.length).toBeGreaterThan(5);
    } finally {
      outside.close();
    }
  });
});

describe('the namespace', () => {
  test.each([NAMESPACE, SYSTEM])('%s refuses a privileged pod', async (namespace) => {
    const refused = await tryKubectl(
      '-n',
      namespace,
      'run',
      'intruder',
      '--image=busybox:1.36',
      '--privileged',
      '--dry-run=server',
    );
    expect(refused.exitCode).not.toBe(0);
    expect(refused.all).toContain('violates PodSecurity "restricted');
  });

  test('admits every object of the product without a warning', async () => {
    const applied = await tryKubectl(
      'apply',
      '--server-side',
      '--dry-run=server',
      '-f',
      `dist/${config.environment}`,
    );
    expect(applied.exitCode).toBe(0);
    expect(applied.all).not.toContain('Warning');
  });

  test('mounts a token for the Kubernetes API in no pod of the product', async () => {
    const { stdout } = await execa('kubectl', [
      '--context',
      CONTEXT,
      '-n',
      NAMESPACE,
      'exec',
      (await podOf('zakpos-api')).name,
      '--',
      'sh',
      '-c',
      'ls /var/run/secrets/kubernetes.io 2>/dev/null | wc -l',
    ]);
    expect(stdout.trim()).toBe('0');
  });
});
