/** Policies of what leads from one object to another, and who may connect: what each rule refuses. */
import { networkPolicy } from '../../policies/network-policies.ts';
import { references } from '../../policies/references.ts';
import { secretsPolicy } from '../../policies/secrets.ts';
import { once, set, testExamples, without, type Change, type Example } from './examples.ts';
import { render } from '../manifests.ts';

const dev = render('dev');
const prod = render('prod');
const API = 'Deployment zakpos-api';
const KAFKA = 'StatefulSet zakpos-kafka';

const inDev = (change: Change, fact: string): Example => ({ of: dev, change, fact });
const inProd = (change: Change, fact: string): Example => ({ of: prod, change, fact });

testExamples(references, {
  'service-to-pods': [
    inDev(set('Service zakpos-web', 'spec selector', { x: 'y' }), 'selects nothing'),
    inDev(
      set('Service zakpos-web', 'spec selector', { 'app.kubernetes.io/part-of': 'zakpos' }),
      'selects zakpos-postgres, zakpos-redis',
    ),
    inDev(
      set('Service zakpos-web', 'spec ports 0 targetPort', 'x'),
      "leads to the port x, which zakpos-web doesn't",
    ),
  ],
  'ingress-to-service': [
    inDev(without('Service zakpos-web'), "leads / to zakpos-web:http, which isn't there"),
    inDev(
      set('Ingress zakpos', 'spec ingressClassName', 'nginx'),
      "is of the class nginx, which isn't there",
    ),
    inDev(
      set('Ingress zakpos-port-api', 'spec rules 0 http paths 1 path', '/api/v1'),
      'has a path of any host twice',
    ),
  ],
  'stateful-set-to-service': [
    inDev(without('Service zakpos-kafka-headless'), "zakpos-kafka-headless, which isn't there"),
    inDev(
      set(KAFKA, 'spec serviceName', 'zakpos-kafka'),
      'names zakpos-kafka, which has an address of its own',
    ),
    inDev(
      set('Service zakpos-kafka-headless', 'spec publishNotReadyAddresses', false),
      "which hides pods that aren't ready",
    ),
    inDev(set('Service zakpos-kafka-headless', 'spec selector', { x: 'y' }), 'which selects other pods'),
  ],
  'own-service-account': [
    inDev(without('ServiceAccount zakpos-api'), "runs as the ServiceAccount zakpos-api, which isn't there"),
    inDev(
      set('Deployment zakpos-reports', 'spec template spec serviceAccountName', 'zakpos-api'),
      'shares the ServiceAccount zakpos-api',
    ),
    inDev(once('ServiceAccount zakpos-api', 'metadata name', 'zakpos-more'), 'is of no pod'),
  ],
  'role-binding': [
    inDev(without('ClusterRole zakpos-traefik'), "binds ClusterRole zakpos-traefik, which isn't there"),
    inDev(
      set('ClusterRoleBinding zakpos-traefik', 'subjects 0 name', 'nobody'),
      "binds to zakpos-system/nobody, which isn't there",
    ),
  ],
  'api-service': [
    inDev(without('Service metrics-server'), "leads to zakpos-system/metrics-server:443, which isn't there"),
  ],
});

testExamples(secretsPolicy, {
  'in-no-manifest': [
    {
      of: { ...prod, objects: [...prod.objects, ...dev.objects.filter(({ name }) => name === 'zakpos-jwt')] },
      change: (each) => each,
      fact: 'is written into the manifests of prod',
    },
    inDev(set('Secret zakpos-jwt', 'stringData pin', '1234'), 'unlike the catalogue'),
  ],
  'used-as-catalogued': [
    inDev(
      set('Deployment zakpos-web', 'spec template spec volumes 0 secret', { secretName: 'zakpos-jwt' }),
      "uses zakpos-jwt, and isn't listed among its users",
    ),
    inDev(
      set(API, 'spec template spec volumes 0 secret secretName', 'zakpos-admin'),
      "is listed among the users of zakpos-postgres-owner, and doesn't use it",
    ),
  ],
});

const ANYBODY = { ipBlock: { cidr: '0.0.0.0/0' } };
const TCP = [{ port: 9092, protocol: 'TCP' }];

testExamples(networkPolicy, {
  'deny-by-default': [
    inProd(without('NetworkPolicy default-deny'), 'has 0 policies of all its pods'),
    inProd(
      set('NetworkPolicy default-deny', 'spec egress', [{ to: [ANYBODY], ports: TCP }]),
      'lets something through to every pod by default-deny',
    ),
    inProd(set('NetworkPolicy default-deny', 'spec policyTypes', ['Ingress']), 'denies only Ingress'),
  ],
  'one-of-each-pod': [
    inDev(without('NetworkPolicy zakpos-api'), 'has 0 policies of its own'),
    inDev(once('NetworkPolicy zakpos-api', 'metadata name', 'more'), 'has 2 policies of its own'),
    inDev(set('NetworkPolicy zakpos-api', 'spec policyTypes', ['Egress']), 'has zakpos-api for Egress alone'),
  ],
  'of-pods-that-exist': [
    inDev(set('NetworkPolicy zakpos-web', 'spec podSelector matchLabels', { x: 'y' }), 'selects no pods'),
    inDev(
      set('NetworkPolicy zakpos-redis', 'spec ingress 0 from 0 podSelector matchLabels', { x: 'y' }),
      "names pods that don't exist",
    ),
  ],
  'both-ends-agree': [
    inDev(
      set('NetworkPolicy zakpos-redis', 'spec ingress', undefined),
      'lets zakpos-api -> zakpos-redis:6379 leave, which may not enter',
    ),
    inDev(
      set('NetworkPolicy zakpos-reports', 'spec egress', undefined),
      'lets zakpos-reports -> zakpos-postgres:5432 enter, which may not leave',
    ),
  ],
  'to-ports-that-listen': [
    inDev(
      set('NetworkPolicy zakpos-redis', 'spec ingress 0 ports 0 port', 6380),
      'lets in to 6380 of zakpos-redis, which listens on 6379',
    ),
  ],
  'udp-for-dns-alone': [
    inDev(set('NetworkPolicy zakpos-redis', 'spec ingress 0 ports 0 protocol', 'UDP'), 'allows UDP to'),
  ],
  'to-what-pods-are-told': [
    inDev(
      set('NetworkPolicy zakpos-api', 'spec egress', undefined),
      'is told zakpos-redis:6379, and may not zakpos-api -> zakpos-redis:6379',
    ),
    inDev(set('NetworkPolicy zakpos-api', 'spec egress', undefined), 'and may not ask the DNS for it'),
    inDev(
      set('Service zakpos-redis', 'spec ports 0 port', 6380),
      'is told zakpos-redis:6379, and the Service has no such port',
    ),
  ],
  'to-what-the-ingress-names': [
    inDev(
      set('NetworkPolicy zakpos-web', 'spec ingress', undefined),
      'leads to zakpos-web, and traefik -> zakpos-web:3000 may not enter',
    ),
  ],
});
