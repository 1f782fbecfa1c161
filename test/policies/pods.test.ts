/** Policies of single pods and containers: what each rule refuses. */
import { images } from '../../policies/images.ts';
import { podSecurity } from '../../policies/pod-security.ts';
import { probes } from '../../policies/probes.ts';
import { resources } from '../../policies/resources.ts';
import { rolling } from '../../policies/rolling.ts';
import { volumes } from '../../policies/volumes.ts';
import { once, set, testExamples, without, type Change, type Example } from './examples.ts';
import { render } from '../manifests.ts';

const dev = render('dev');
const prod = render('prod');
const API = 'Deployment zakpos-api';
const KAFKA = 'StatefulSet zakpos-kafka';
const POD = 'spec template spec';
const CONTAINER = `${POD} containers 0`;

const inDev = (change: Change, fact: string): Example => ({ of: dev, change, fact });
const inProd = (change: Change, fact: string): Example => ({ of: prod, change, fact });

testExamples(podSecurity, {
  'judged-kinds': ['Pod', 'ReplicaSet', 'ReplicationController'].map((kind) =>
    inDev(once(API, 'kind', kind), 'is of no kind whose pods the policies judge'),
  ),
  restricted: [
    inDev(set(API, `${POD} hostNetwork`, true), 'hostNetwork is true'),
    inDev(set(KAFKA, `${CONTAINER} securityContext privileged`, true), 'container kafka is privileged'),
  ],
  namespaces: [
    inProd(
      set('Namespace zakpos', 'metadata labels pod-security.kubernetes.io/enforce', 'baseline'),
      'pod-security.kubernetes.io/enforce is baseline',
    ),
  ],
  'own-user': [
    inDev(set(API, `${POD} securityContext runAsUser`, undefined), 'has no uid'),
    inDev(set(API, `${POD} securityContext fsGroup`, undefined), 'has no fsGroup'),
  ],
  'read-only-root': [
    inDev(
      set(API, `${POD} initContainers 0 securityContext readOnlyRootFilesystem`, false),
      'container migrate may write to its root file system',
    ),
  ],
  'no-service-links': [
    inDev(set(KAFKA, `${POD} enableServiceLinks`, undefined), 'gets variables of other Services'),
  ],
  tokens: [
    inDev(set(API, `${POD} automountServiceAccountToken`, true), 'is true, and a role is not bound'),
    inDev(
      set('Deployment traefik', `${POD} automountServiceAccountToken`, false),
      'is false, and a role is bound',
    ),
  ],
  'accounts-without-token': [
    inDev(set('ServiceAccount zakpos-api', 'automountServiceAccountToken', true), 'hands out tokens'),
  ],
});

testExamples(images, {
  tag: [
    inDev(set(API, `${CONTAINER} image`, 'zakpos/api:latest'), 'container api runs zakpos/api:latest'),
    inDev(set(API, `${CONTAINER} image`, 'zakpos/api'), 'container api runs zakpos/api'),
  ],
  'pull-policy': [
    inDev(set(API, `${CONTAINER} imagePullPolicy`, undefined), 'is pulled undefined instead of IfNotPresent'),
  ],
});

testExamples(resources, {
  'requests-and-limits': [
    inDev(set(API, `${CONTAINER} resources requests cpu`, undefined), 'container api requests no CPU'),
    inDev(set(API, `${CONTAINER} resources requests memory`, undefined), 'container api requests no memory'),
    inDev(
      set(API, `${CONTAINER} resources limits memory`, undefined),
      'container api has no limit of memory',
    ),
  ],
  'requests-below-limits': [
    inProd(set(API, `${CONTAINER} resources requests cpu`, '8'), 'requests 8 cores above its limit of'),
    inProd(set(API, `${CONTAINER} resources requests memory`, '8Gi'), 'requests 8Gi above its limit of'),
  ],
  heaps: [
    inDev(set(KAFKA, `${CONTAINER} resources limits memory`, '400Mi'), 'has a heap of 384m in 400Mi'),
    {
      of: dev,
      change: set('Job zakpos-kafka-topics', `${CONTAINER} env 0 value`, '-Xms64m'),
      fact: 'has no -Xmx in "-Xms64m"',
    },
  ],
  'scratch-space': [
    inDev(set(KAFKA, `${POD} volumes 1 emptyDir sizeLimit`, undefined), 'volume run has no limit'),
  ],
});

testExamples(probes, {
  'on-what-lasts': [
    inDev(set(API, `${CONTAINER} startupProbe`, undefined), 'container api has no startupProbe'),
    inDev(
      set(API, `${POD} initContainers 0 livenessProbe`, {
        tcpSocket: { port: 'http' },
        periodSeconds: 1,
        timeoutSeconds: 1,
        failureThreshold: 1,
      }),
      'container migrate has a livenessProbe',
    ),
  ],
  'readiness-is-not-liveness': [
    inProd(set(API, `${CONTAINER} livenessProbe httpGet path`, '/health/ready'), 'asks the same for both'),
  ],
  'restart-is-the-last-resort': [
    inDev(
      set(API, `${CONTAINER} readinessProbe failureThreshold`, 60),
      'is restarted before it is taken out',
    ),
    inDev(
      set(API, `${CONTAINER} startupProbe failureThreshold`, 1),
      'has no more time to start than to fail',
    ),
    inDev(set(API, `${CONTAINER} startupProbe periodSeconds`, 30), 'is noticed late'),
  ],
  'liveness-is-of-the-pod-alone': [
    inProd(set(API, `${CONTAINER} livenessProbe httpGet host`, 'zakpos-web'), 'looks at another host'),
    inDev(
      set(KAFKA, `${CONTAINER} livenessProbe exec`, { command: ['nc', 'zakpos-zookeeper', '2181'] }),
      'looks at zakpos-zookeeper',
    ),
    inProd(
      set(API, `${CONTAINER} livenessProbe httpGet path`, '/readyz'),
      'asks /readyz, whether it is ready',
    ),
  ],
  ports: [inProd(set(API, `${CONTAINER} livenessProbe httpGet port`, 'web'), 'has no port web')],
});

testExamples(volumes, {
  mounted: [
    inDev(set(API, `${CONTAINER} volumeMounts 0 name`, 'nothing'), "mounts nothing, which isn't there"),
    inDev(set(KAFKA, `${CONTAINER} volumeMounts 2`, { name: 'etc', mountPath: '/x' }), 'mounts run nowhere'),
    inDev(set(API, `${POD} volumes 0 name`, 'jwt'), 'has a volume twice'),
    inDev(
      set(KAFKA, `${CONTAINER} volumeMounts 3 mountPath`, '/tmp'),
      'container kafka mounts one path twice',
    ),
    inDev(set(API, `${CONTAINER} volumeMounts 0 readOnly`, false), 'mounts postgres-app for writing'),
  ],
  sources: [
    inDev(without('ConfigMap zakpos-kafka'), "is of the ConfigMap zakpos-kafka, which isn't there"),
    inDev(
      set(API, `${POD} volumes 0 secret secretName`, 'zakpos-x'),
      'is of the Secret zakpos-x, which nobody',
    ),
    inDev(
      set(API, `${POD} volumes 0 secret items`, [{ key: 'pin', path: 'pin' }]),
      'shows pin of zakpos-postgres-owner, which has no such key',
    ),
    inDev(
      set(API, `${POD} volumes 0 secret items`, [{ key: 'password', path: 'pw' }]),
      'shows password as pw',
    ),
    inDev(
      set(API, `${POD} volumes 2`, { name: 'tmp', persistentVolumeClaim: { claimName: 'scratch' } }),
      "is of the claim scratch, which isn't there",
    ),
    inDev(
      set(KAFKA, `${POD} volumes 0`, {
        name: 'scripts',
        projected: {
          defaultMode: 292,
          sources: [{ configMap: { name: 'zakpos-kafka' } }, { configMap: { name: 'zakpos-kafka' } }],
        },
      }),
      'has a file twice',
    ),
  ],
  variables: [
    inDev(set(API, `${CONTAINER} envFrom`, [{}]), 'takes variables that nobody sees here'),
    inDev(set(API, `${CONTAINER} env 0 value`, undefined), 'has no one value of DATABASE_URL'),
    inDev(set(API, `${CONTAINER} env 0 value`, '$(PORT)'), 'uses PORT in DATABASE_URL before it is set'),
    inDev(set(API, `${CONTAINER} env 0 name`, 'PORT'), 'has a variable twice'),
    inDev(
      set(API, `${CONTAINER} env 0`, {
        name: 'DATABASE_URL',
        valueFrom: { secretKeyRef: { name: 'zakpos-jwt', key: 'pin' } },
      }),
      'reads zakpos-jwt/pin, which nobody makes',
    ),
  ],
  paths: [
    inDev(set(API, `${CONTAINER} volumeMounts 0 mountPath`, '/elsewhere'), 'where nothing is mounted'),
    inDev(
      set(KAFKA, `${CONTAINER} command`, ['/opt/zakpos/gone.sh']),
      "names /opt/zakpos/gone.sh, which isn't there",
    ),
  ],
  'config-maps-used': [
    inDev(once('ConfigMap zakpos-web', 'metadata name', 'zakpos-extra'), 'is mounted nowhere'),
  ],
});

testExamples(rolling, {
  'new-before-old': [
    inDev(set(API, 'spec strategy rollingUpdate maxUnavailable', 1), 'ends pods first'),
    inDev(set(API, 'spec strategy', { type: 'Recreate' }), 'ends pods first'),
  ],
  'drains-what-people-ask': [
    inDev(set('Deployment zakpos-web', `${CONTAINER} lifecycle`, undefined), 'drains for 0 s'),
  ],
  'time-to-end': [
    inDev(set(API, `${POD} terminationGracePeriodSeconds`, 6), 'is killed after 6 s, of which it drains 5'),
  ],
  budgets: [
    inProd(without('PodDisruptionBudget zakpos-kafka'), 'has 3 replicas and 0 budgets'),
    inProd(set('StatefulSet zakpos-zookeeper', 'spec replicas', 1), 'has 1 replicas and 1 budgets'),
    inProd(
      set('PodDisruptionBudget zakpos-kafka', 'spec selector matchLabels', { x: 'y' }),
      'is of no one workload',
    ),
    inProd(
      set('PodDisruptionBudget zakpos-kafka', 'spec unhealthyPodEvictionPolicy', undefined),
      'holds pods that are broken',
    ),
    inProd(set('PodDisruptionBudget zakpos-kafka', 'spec maxUnavailable', 0), 'lets none of 3 pods go'),
  ],
  'rolls-with-its-config': [
    inDev(set(KAFKA, 'spec template metadata annotations', undefined), 'stays as it is when its ConfigMaps'),
    inProd(
      set('Deployment zakpos-api', 'spec template metadata annotations', {
        'zakpos.io/config-checksum': 'abc',
      }),
      'has the checksum abc of nothing',
    ),
  ],
});
