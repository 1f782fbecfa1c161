/** The types in imports/ are those of the CRDs beside them, and make the objects that the API server knows by them. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Chart, Testing } from 'cdk8s';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import * as certManager from '../imports/cert-manager.io.ts';
import * as externalSecrets from '../imports/external-secrets.io.ts';
import * as gatewayApi from '../imports/gateway.networking.k8s.io.ts';
import { generatedTypes, typedCrds } from '../imports/generate.ts';
import * as prometheusOperator from '../imports/monitoring.coreos.com.ts';
import * as cloudNativePg from '../imports/postgresql.cnpg.io.ts';
import * as snapshots from '../imports/snapshot.storage.k8s.io.ts';
import * as traefik from '../imports/traefik.io.ts';
import { clusterScoped } from '../lib/cluster-scoped.ts';

test('npm run import would change nothing', () => {
  const outdated = generatedTypes().filter(({ path, text }) => readFileSync(path, 'utf8') !== text);
  expect(outdated.map(({ path }) => basename(path))).toEqual([]);
});

const crdSchema = z.object({
  spec: z.object({
    group: z.string(),
    names: z.object({ kind: z.string() }),
    versions: z.tuple([z.object({ name: z.string() })]),
  }),
});

test('every CRD has a class and every class a CRD', () => {
  const modules = [
    certManager,
    externalSecrets,
    gatewayApi,
    prometheusOperator,
    cloudNativePg,
    snapshots,
    traefik,
  ];
  const classes = modules
    .flatMap((module) => Object.values<unknown>(module))
    .flatMap((value) => (typeof value === 'function' && 'GVK' in value ? [value.GVK] : []));
  const crds = parseAllDocuments(typedCrds()).map((document) => {
    const { group, names, versions } = crdSchema.parse(document.toJS()).spec;
    return { apiVersion: `${group}/${versions[0].name}`, kind: names.kind };
  });
  expect(classes).toHaveLength(crds.length);
  expect(classes).toEqual(expect.arrayContaining(crds));
});

test('an object of each group is what it says, with the namespace and labels of its chart', () => {
  const labels = { 'app.kubernetes.io/part-of': 'zakpos' };
  const chart = new Chart(Testing.app(), 'chart', { namespace: 'zakpos', labels });
  const metadata = { name: 'till' };

  clusterScoped(new certManager.ClusterIssuer(chart, 'issuer', { metadata, spec: { selfSigned: {} } }));
  new externalSecrets.ExternalSecret(chart, 'secret', {
    metadata,
    spec: { secretStoreRef: { kind: 'ClusterSecretStore', name: 'vault' } },
  });
  new gatewayApi.HttpRoute(chart, 'route', { metadata, spec: { hostnames: ['till.example.com'] } });
  new prometheusOperator.ServiceMonitor(chart, 'monitor', {
    metadata,
    spec: {
      selector: {},
      endpoints: [{ targetPort: prometheusOperator.ServiceMonitorSpecEndpointsTargetPort.fromNumber(3000) }],
    },
  });
  new cloudNativePg.Cluster(chart, 'cluster', {
    metadata,
    spec: {
      instances: 3,
      storage: { size: '10Gi' },
      resources: { limits: { cpu: cloudNativePg.ClusterSpecResourcesLimits.fromString('500m') } },
    },
  });
  new snapshots.VolumeSnapshot(chart, 'snapshot', {
    metadata,
    spec: { source: { persistentVolumeClaimName: 'data-zakpos-postgres-0' } },
  });
  new traefik.TlsOption(chart, 'tls', { metadata, spec: { minVersion: 'VersionTLS12' } });

  const namespaced = { name: 'till', namespace: 'zakpos', labels };
  expect(chart.toJson()).toEqual([
    {
      apiVersion: 'cert-manager.io/v1',
      kind: 'ClusterIssuer',
      metadata: { name: 'till', labels },
      spec: { selfSigned: {} },
    },
    {
      apiVersion: 'external-secrets.io/v1',
      kind: 'ExternalSecret',
      metadata: namespaced,
      spec: { secretStoreRef: { kind: 'ClusterSecretStore', name: 'vault' } },
    },
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: namespaced,
      spec: { hostnames: ['till.example.com'] },
    },
    {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'ServiceMonitor',
      metadata: namespaced,
      spec: { selector: {}, endpoints: [{ targetPort: 3000 }] },
    },
    {
      apiVersion: 'postgresql.cnpg.io/v1',
      kind: 'Cluster',
      metadata: namespaced,
      spec: { instances: 3, storage: { size: '10Gi' }, resources: { limits: { cpu: '500m' } } },
    },
    {
      apiVersion: 'snapshot.storage.k8s.io/v1',
      kind: 'VolumeSnapshot',
      metadata: namespaced,
      spec: { source: { persistentVolumeClaimName: 'data-zakpos-postgres-0' } },
    },
    {
      apiVersion: 'traefik.io/v1alpha1',
      kind: 'TLSOption',
      metadata: namespaced,
      spec: { minVersion: 'VersionTLS12' },
    },
  ]);
});
