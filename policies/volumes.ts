/** Volumes, variables and paths lead to what exists. */
import { SECRET_AGES } from '../environments/monitoring.ts';
import { chartEnv, mountedFile, textsOf } from './files.ts';
import { knownSecrets } from './known-secrets.ts';
import { configMaps } from './objects.ts';
import { everyContainer, everyObject, everyPod, type Policy } from './policy.ts';
import { objectsOf } from './rendered.ts';
import { allContainers, workloads } from './workloads.ts';

/** Folder of the token and the authority of the Kubernetes API. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount/';

export const volumes: Policy = {
  name: 'volumes',
  rules: {
    mounted: {
      fix: 'mount each volume that there is, and no other, once at a path',
      findings: everyPod(function* (pod) {
        const claims = pod.claims.map(({ metadata }) => metadata.name);
        const names = [...pod.pod.volumes.map(({ name }) => name), ...claims];
        const mounts = allContainers(pod).flatMap(({ volumeMounts }) => volumeMounts);
        if (new Set(names).size < names.length) yield `has a volume twice: ${names.join(', ')}`;
        for (const { name } of mounts) if (!names.includes(name)) yield `mounts ${name}, which isn't there`;
        for (const name of names)
          if (!mounts.some((mount) => mount.name === name)) yield `mounts ${name} nowhere`;
        for (const container of allContainers(pod)) {
          const paths = container.volumeMounts.map(({ mountPath }) => mountPath);
          if (new Set(paths).size < paths.length) yield `container ${container.name} mounts one path twice`;
        }
        for (const { name, configMap, projected, secret } of pod.pod.volumes)
          if (
            (configMap ?? projected ?? secret) &&
            mounts.some((mount) => mount.name === name && !mount.readOnly)
          )
            yield `mounts ${name} for writing, which never changes`;
      }),
    },
    sources: {
      fix: 'name a ConfigMap or claim of the same namespace, or a Secret and its keys of the catalogue in environments/secrets.ts',
      findings: everyPod(function* ({ pod, namespace }, rendered) {
        const maps = configMaps(rendered).filter((map) => map.namespace === namespace);
        const claims = objectsOf(rendered, 'PersistentVolumeClaim').filter(
          (claim) => claim.namespace === namespace,
        );
        for (const { name, configMap, projected, secret, persistentVolumeClaim: claim } of pod.volumes) {
          const named = [configMap, ...(projected?.sources ?? []).map((source) => source.configMap)];
          const files = named.flatMap((wanted) =>
            Object.keys(maps.find((map) => map.name === wanted?.name)?.data ?? {}),
          );
          for (const wanted of named)
            // A command writes it.
            if (wanted && wanted.name !== SECRET_AGES && !maps.some((map) => map.name === wanted.name))
              yield `volume ${name} is of the ConfigMap ${wanted.name}, which isn't there`;
          if (new Set(files).size < files.length) yield `volume ${name} has a file twice`;
          if (claim && !claims.some((candidate) => candidate.name === claim.claimName))
            yield `volume ${name} is of the claim ${claim.claimName}, which isn't there`;
          if (!secret) continue;
          const known = knownSecrets(rendered).find((candidate) => candidate.name === secret.secretName);
          if (known === undefined)
            yield `volume ${name} is of the Secret ${secret.secretName}, which nobody makes`;
          for (const { key, path } of secret.items ?? []) {
            if (known?.keys.includes(key) === false)
              yield `volume ${name} shows ${key} of ${secret.secretName}, which has no such key`;
            if (key !== path) yield `volume ${name} shows ${key} as ${path}`;
          }
        }
      }),
    },
    variables: {
      fix: 'name a key of a Secret of the catalogue, a field of the pod, or a variable above',
      findings: everyContainer(function* ({ env, envFrom }, _, rendered) {
        if (envFrom.length > 0) yield 'takes variables that nobody sees here (envFrom)';
        for (const [at, { name, value, valueFrom }] of env.entries()) {
          if ((value === undefined) === (valueFrom === undefined)) yield `has no one value of ${name}`;
          for (const [, used = ''] of (value ?? '').matchAll(/\$\((\w+)\)/g)) {
            if (!env.slice(0, at).some((earlier) => earlier.name === used))
              yield `uses ${used} in ${name} before it is set`;
          }
          const { secretKeyRef } = valueFrom ?? {};
          if (!secretKeyRef) continue;
          const known = knownSecrets(rendered).find((candidate) => candidate.name === secretKeyRef.name);
          if (!known?.keys.includes(secretKeyRef.key))
            yield `reads ${secretKeyRef.name}/${secretKeyRef.key}, which nobody makes`;
        }
        if (new Set(env.map(({ name }) => name)).size < env.length) yield 'has a variable twice';
      }),
    },
    paths: {
      fix: 'name a file that is mounted there',
      findings: everyContainer(function* (container, pod, rendered) {
        const { command, args, startupProbe, readinessProbe, livenessProbe } = container;
        const env = chartEnv(container, pod, rendered);
        const probes = [startupProbe, readinessProbe, livenessProbe].flatMap(
          (probe) => probe?.exec?.command ?? [],
        );
        const values = env.flatMap(({ value }) => value ?? []);
        const words = textsOf(container, pod, rendered, [...command, ...args, ...probes, ...values]);
        for (const [path] of words.join('\n').matchAll(/(?<![\w.$}:/])\/[\w.-]+(?:\/[\w.-]+)+/g)) {
          if (mountedFile(container, pod, rendered, path)?.exists === false)
            yield `names ${path}, which isn't there`;
        }
        for (const { name, value } of env) {
          // Kubernetes mounts this itself.
          if (pod.pod.automountServiceAccountToken && value?.startsWith(SERVICE_ACCOUNT)) continue;
          if (name.endsWith('_FILE') && mountedFile(container, pod, rendered, value ?? '') === undefined)
            yield `has ${name}=${String(value)}, where nothing is mounted`;
        }
      }),
    },
    'config-maps-used': {
      fix: 'mount it, or leave it out',
      findings: everyObject(['ConfigMap'], function* ({ name, labels }, rendered) {
        const used = workloads(rendered).flatMap(({ pod }) =>
          pod.volumes.flatMap(({ configMap, projected }) => [
            configMap?.name,
            ...(projected?.sources ?? []).map((source) => source.configMap.name),
          ]),
        );
        // The cluster's own Grafana finds dashboards by their label.
        const isFound = rendered.config.monitoring.mode === 'operator' && labels.grafana_dashboard === '1';
        if (!used.includes(name) && !isFound) yield 'is mounted nowhere';
      }),
    },
  },
};
