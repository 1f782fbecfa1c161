/**
 * Pod Security Standards, profile `restricted`, written from the page of that name in the documentation of Kubernetes
 * and from nothing of this repository.
 */
import { z } from 'zod';

const VOLUME_TYPES = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
];
const SAFE_SYSCTLS = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
];
const SELINUX_TYPES = ['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t'];

const common = {
  runAsNonRoot: z.boolean().optional(),
  runAsUser: z.int().optional(),
  seccompProfile: z.object({ type: z.string() }).optional(),
  appArmorProfile: z.object({ type: z.string() }).optional(),
  seLinuxOptions: z
    .object({ type: z.string().default(''), user: z.string().default(''), role: z.string().default('') })
    .optional(),
  windowsOptions: z.object({ hostProcess: z.boolean().default(false) }).optional(),
};
const containerSecurity = z
  .object({
    ...common,
    privileged: z.boolean().default(false),
    allowPrivilegeEscalation: z.boolean().optional(),
    procMount: z.string().default('Default'),
    capabilities: z
      .object({ add: z.array(z.string()).default([]), drop: z.array(z.string()).default([]) })
      .prefault({}),
  })
  .prefault({});
const containers = z
  .array(
    z.object({
      name: z.string(),
      securityContext: containerSecurity,
      ports: z.array(z.object({ hostPort: z.int().default(0) })).default([]),
    }),
  )
  .default([]);
/** What of a pod's template the profile is about. */
export const restrictedTemplate = z.object({
  spec: z.object({
    hostNetwork: z.boolean().default(false),
    hostPID: z.boolean().default(false),
    hostIPC: z.boolean().default(false),
    securityContext: z
      .object({ ...common, sysctls: z.array(z.object({ name: z.string() })).default([]) })
      .prefault({}),
    volumes: z.array(z.record(z.string(), z.unknown())).default([]),
    initContainers: containers,
    containers,
    ephemeralContainers: containers,
  }),
});

/** Why the admission of `restricted` would refuse a pod of this template; empty when it wouldn't. */
export function* restrictedViolations({ spec }: z.output<typeof restrictedTemplate>): Generator<string> {
  const pod = spec.securityContext;

  for (const host of ['hostNetwork', 'hostPID', 'hostIPC'] as const) {
    if (spec[host]) yield `${host} is true`;
  }
  for (const { name } of pod.sysctls) {
    if (!SAFE_SYSCTLS.includes(name)) yield `sysctl ${name} is unsafe`;
  }
  for (const { name, ...source } of spec.volumes) {
    const types = Object.keys(source);
    if (types.length !== 1 || !types.every((type) => VOLUME_TYPES.includes(type)))
      yield `volume ${String(name)} is of type ${types.join(', ') || 'emptyDir by default'}`;
  }
  yield* sharedViolations('the pod', pod);

  for (const container of [...spec.initContainers, ...spec.containers, ...spec.ephemeralContainers]) {
    const name = `container ${container.name}`;
    const own = container.securityContext;
    yield* sharedViolations(name, own);
    if (own.privileged) yield `${name} is privileged`;
    if (own.allowPrivilegeEscalation !== false) yield `${name} may escalate its privileges`;
    if (own.procMount !== 'Default') yield `${name} has procMount ${own.procMount}`;
    if (!own.capabilities.drop.includes('ALL')) yield `${name} doesn't drop ALL capabilities`;
    for (const capability of own.capabilities.add) {
      if (capability !== 'NET_BIND_SERVICE') yield `${name} adds the capability ${capability}`;
    }
    if ((own.runAsNonRoot ?? pod.runAsNonRoot) !== true) yield `${name} isn't bound to run as non-root`;
    if ((own.seccompProfile ?? pod.seccompProfile) === undefined) yield `${name} has no seccomp profile`;
    for (const { hostPort } of container.ports) {
      if (hostPort !== 0) yield `${name} has hostPort ${hostPort}`;
    }
  }
}

function* sharedViolations(name: string, context: z.output<z.ZodObject<typeof common>>): Generator<string> {
  if (context.runAsUser === 0) yield `${name} runs as uid 0`;
  if (context.windowsOptions?.hostProcess === true) yield `${name} is a host process`;
  for (const [kind, type] of [
    ['seccomp', context.seccompProfile?.type],
    ['AppArmor', context.appArmorProfile?.type],
  ] as const) {
    if (type !== undefined && type !== 'RuntimeDefault' && type !== 'Localhost')
      yield `${name} has the ${kind} profile ${type}`;
  }
  const { type = '', user = '', role = '' } = context.seLinuxOptions ?? {};
  if (!SELINUX_TYPES.includes(type) || user !== '' || role !== '') yield `${name} sets SELinux options`;
}
