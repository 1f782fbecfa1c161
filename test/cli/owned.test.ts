import { appliedPart } from '../../cli/owned.ts';

interface Owned {
  readonly manager: string;
  readonly operation: string;
  readonly subresource?: string;
  readonly fieldsV1: Record<string, unknown>;
}

const owned = (fieldsV1: Record<string, unknown>, manager = 'kubectl', operation = 'Apply'): Owned => ({
  manager,
  operation,
  fieldsV1,
});

const deployment = (managedFields: readonly Owned[]) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {
    name: 'zakpos-web',
    namespace: 'zakpos',
    uid: '1',
    labels: { 'app.kubernetes.io/name': 'zakpos-web', other: 'somebody' },
    annotations: { 'deployment.kubernetes.io/revision': '4' },
    managedFields: [...managedFields],
  },
  spec: {
    replicas: 3,
    progressDeadlineSeconds: 600,
    template: {
      spec: {
        initContainers: [
          { name: 'second', image: 'b:1', imagePullPolicy: 'Always' },
          { name: 'first', image: 'a:1' },
        ],
        containers: [
          { name: 'injected', image: 'mesh:1' },
          {
            name: 'web',
            image: 'web:2',
            terminationMessagePath: '/dev/termination-log',
            ports: [
              { name: 'http', containerPort: 3000, protocol: 'TCP' },
              { name: 'quic', containerPort: 3000, protocol: 'UDP' },
            ],
            args: ['--a', '--b'],
          },
        ],
        volumes: [{ name: 'tmp', emptyDir: {} }],
      },
    },
  },
  status: { readyReplicas: 3 },
});

const FIELDS = {
  'f:metadata': { 'f:labels': { 'f:app.kubernetes.io/name': {} } },
  'f:spec': {
    'f:template': {
      'f:spec': {
        'f:initContainers': {
          'k:{"name":"first"}': { '.': {}, 'f:name': {}, 'f:image': {} },
          'k:{"name":"second"}': { '.': {}, 'f:name': {}, 'f:image': {} },
        },
        'f:containers': {
          'k:{"name":"web"}': {
            '.': {},
            'f:name': {},
            'f:image': {},
            'f:args': {},
            'f:ports': {
              'k:{"containerPort":3000,"protocol":"TCP"}': { '.': {}, 'f:name': {}, 'f:containerPort': {} },
            },
          },
        },
        'f:volumes': { 'k:{"name":"tmp"}': { '.': {}, 'f:name': {}, 'f:emptyDir': {} } },
      },
    },
  },
};

test('what kubectl applied is had back: nothing of defaults, autoscalers and others, in the order of the lists', () => {
  const live = deployment([
    owned({ 'f:spec': { 'f:replicas': {} } }, 'kube-controller-manager', 'Update'),
    { ...owned({ 'f:status': { 'f:readyReplicas': {} } }), subresource: 'status' },
    owned(FIELDS),
  ]);
  expect(appliedPart(live)).toEqual({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: 'zakpos-web',
      namespace: 'zakpos',
      labels: { 'app.kubernetes.io/name': 'zakpos-web' },
    },
    spec: {
      template: {
        spec: {
          initContainers: [
            { name: 'second', image: 'b:1' },
            { name: 'first', image: 'a:1' },
          ],
          containers: [
            {
              name: 'web',
              image: 'web:2',
              ports: [{ name: 'http', containerPort: 3000 }],
              args: ['--a', '--b'],
            },
          ],
          volumes: [{ name: 'tmp', emptyDir: {} }],
        },
      },
    },
  });
});

test('what another command of kubectl has taken over is had back with it, and nothing of its alone', () => {
  const image = { 'k:{"name":"web"}': { 'f:image': {} } };
  const without = structuredClone(FIELDS);
  Reflect.deleteProperty(
    without['f:spec']['f:template']['f:spec']['f:containers']['k:{"name":"web"}'],
    'f:image',
  );
  const undone = { 'f:spec': { 'f:template': { 'f:spec': { 'f:containers': image } } } };
  expect(appliedPart(deployment([owned(without), owned(undone, 'kubectl-rollout', 'Update')]))).toEqual(
    appliedPart(deployment([owned(FIELDS)])),
  );
  expect(appliedPart(deployment([owned(undone, 'kubectl-rollout', 'Update')]))).toBeUndefined();
});

test('items of a set are had back by their value', () => {
  const live = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'web',
      finalizers: ['mine', 'theirs'],
      managedFields: [owned({ 'f:metadata': { 'f:finalizers': { 'v:"mine"': {} } } })],
    },
  };
  expect(appliedPart(live)?.metadata).toEqual({ name: 'web', finalizers: ['mine'] });
});

test.each([
  ['nobody has a record of', []],
  ['another tool applies', [owned(FIELDS, 'argocd-controller')]],
  ['kubectl has only edited', [owned(FIELDS, 'kubectl', 'Update')]],
])('of an object that %s, it is not known', (_, managedFields) => {
  expect(appliedPart(deployment(managedFields))).toBeUndefined();
});
