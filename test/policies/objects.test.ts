/** Policies of how objects are named, found and kept: what each rule refuses. */
import { gitops, KEPT_KINDS } from '../../policies/gitops.ts';
import { labels } from '../../policies/labels.ts';
import { names } from '../../policies/names.ts';
import { NEVER_PRUNED } from '../../cli/prune.ts';
import { once, set, testExamples, without, type Change, type Example } from './examples.ts';
import { render } from '../manifests.ts';

const cloud = render('cloud');
const dev = render('dev');
const prod = render('prod');
const API = 'Deployment zakpos-api';
const JOB = 'Job zakpos-kafka-topics';

const inDev = (change: Change, fact: string): Example => ({ of: dev, change, fact });
const inProd = (change: Change, fact: string): Example => ({ of: prod, change, fact });

testExamples(names, {
  unique: [inDev(once('Service zakpos-web'), 'is there twice')],
  valid: [
    inDev(set('Service zakpos-web', 'metadata name', 'Zakpos_Web'), 'has the name "Zakpos_Web"'),
    inDev(set('Service zakpos-web', 'metadata name', 'a'.repeat(64)), 'has the name "aaa'),
  ],
  'job-of-its-content': [
    inDev(set(JOB, 'metadata name', 'zakpos-kafka-topics'), 'keeps its name when its pod changes'),
  ],
  'without-hash': [
    inDev(
      set('Service zakpos-web', 'metadata name', 'web-service-c8d1f2a3'),
      'ends in a hash of its construct',
    ),
  ],
  namespaces: [
    inDev(
      set('PriorityClass zakpos-apps', 'metadata namespace', 'zakpos'),
      'is in zakpos, and its kind in none',
    ),
    inDev(set('Service zakpos-web', 'metadata namespace', undefined), 'is in no namespace'),
    inDev(
      set('Service zakpos-web', 'metadata namespace', 'default'),
      "is in the namespace default, which isn't",
    ),
  ],
});

testExamples(labels, {
  'on-everything': [
    inDev(
      set('Middleware zakpos-headers', 'metadata labels zakpos.io/environment', 'prod'),
      'has the labels',
    ),
    inDev(set(API, 'metadata labels', undefined), 'has the labels {}'),
  ],
  'name-a-workload': [
    inDev(set('Service zakpos-web', 'metadata labels app.kubernetes.io/name', 'till'), 'is named "till"'),
  ],
  'pods-as-their-workload': [
    inDev(set(API, 'spec template metadata labels tier', 'front'), 'and its pods have different labels'),
  ],
  'own-pods': [
    inDev(
      set(API, 'spec selector matchLabels', { 'app.kubernetes.io/part-of': 'zakpos' }),
      'selects the pods of zakpos-postgres, zakpos-redis',
    ),
    inDev(set(API, 'spec selector matchLabels', { x: 'y' }), 'selects the pods of nobody'),
  ],
});

testExamples(gitops, {
  'keeps-what-holds-data': [
    inProd(
      set('Namespace zakpos', 'metadata annotations', undefined),
      'would be deleted once it is gone from git',
    ),
    {
      of: cloud,
      change: set(
        'ExternalSecret zakpos-jwt',
        'metadata annotations kustomize.toolkit.fluxcd.io/prune',
        undefined,
      ),
      fact: 'would be deleted once it is gone from git',
    },
  ],
  'replicas-of-autoscalers': [
    inProd(set(API, 'spec replicas', 2), 'has 2 replicas, which zakpos-api would change'),
  ],
  'jobs-that-stay': [inDev(set(JOB, 'spec ttlSecondsAfterFinished', 60), 'is deleted 60 s after its end')],
  'nothing-of-the-cluster': [
    inDev(set(API, 'metadata generateName', 'zakpos-api-'), 'sets metadata.generateName'),
    inDev(set(API, 'status', { replicas: 1 }), 'sets a status'),
  ],
});

test('GitOps keeps the kinds that npm run up keeps, of those that are in manifests', () => {
  // Secrets are in dev's manifests alone, and CRDs are files that are copied.
  const elsewhere = ['CustomResourceDefinition', 'Secret'];
  expect([...KEPT_KINDS, ...elsewhere].sort()).toEqual([...NEVER_PRUNED].sort());
});

test('an object of a kind that nobody here knows may be without a namespace', () => {
  const change = set('PriorityClass zakpos-apps', 'apiVersion', 'example.com/v1');
  const renamed = set('PriorityClass zakpos-apps', 'kind', 'Whatever')(change(dev));
  expect([...(names.rules.namespaces?.findings(renamed) ?? [])]).toEqual([]);
  expect([...(names.rules.namespaces?.findings(without('Namespace zakpos')(dev)) ?? [])]).not.toEqual([]);
});
