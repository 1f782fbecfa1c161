/** What an apply would change, as `kubectl diff` tells it. */
import { driftOf, parseDiff } from '../../cli/drift.ts';
import { failureOf, FakeKubectl, type Answer } from './fakes.ts';

const DIFF = `diff -u -N /tmp/LIVE-1/apps.v1.Deployment.zakpos.zakpos-api /tmp/MERGED-2/apps.v1.Deployment.zakpos.zakpos-api
--- /tmp/LIVE-1/apps.v1.Deployment.zakpos.zakpos-api	2026-11-22 10:00:00
+++ /tmp/MERGED-2/apps.v1.Deployment.zakpos.zakpos-api	2026-11-22 10:00:00
@@ -6,7 +6,7 @@
-  generation: 3
+  generation: 4
   labels:
@@ -80,7 +80,7 @@
-        image: nginx:1
+        image: zakpos-api:1
         name: api
diff -u -N /tmp/LIVE-1/networking.k8s.io.v1.NetworkPolicy.zakpos.zakpos-redis /tmp/MERGED-2/networking.k8s.io.v1.NetworkPolicy.zakpos.zakpos-redis
--- /tmp/LIVE-1/networking.k8s.io.v1.NetworkPolicy.zakpos.zakpos-redis	2026-11-22 10:00:00
+++ /tmp/MERGED-2/networking.k8s.io.v1.NetworkPolicy.zakpos.zakpos-redis	2026-11-22 10:00:00
@@ -0,0 +1,2 @@
+apiVersion: networking.k8s.io/v1
+kind: NetworkPolicy
diff -u -N /tmp/LIVE-1/v1.Secret.zakpos.zakpos-redis /tmp/MERGED-2/v1.Secret.zakpos.zakpos-redis
--- /tmp/LIVE-1/v1.Secret.zakpos.zakpos-redis	2026-11-22 10:00:00
+++ /tmp/MERGED-2/v1.Secret.zakpos.zakpos-redis	2026-11-22 10:00:00
@@ -1,3 +1,3 @@
 apiVersion: v1
-  password: '*** (before)'
+  password: '*** (after)'
diff -u -N /tmp/LIVE-1/v1.Namespace..zakpos /tmp/MERGED-2/v1.Namespace..zakpos
--- /tmp/LIVE-1/v1.Namespace..zakpos	2026-11-22 10:00:00
+++ /tmp/MERGED-2/v1.Namespace..zakpos	2026-11-22 10:00:00
@@ -4,3 +4,3 @@
   labels:
-    level: baseline
+    level: restricted
`;
const rendered = {
  folder: 'd',
  files: ['a.yaml'],
  registrations: ['b.yaml'],
  crds: undefined,
  objects: [],
  digest: '',
};
const cluster = (answer: Answer) => new FakeKubectl(() => answer);

test('names each object, its lines, and none of a Secret', () => {
  expect(parseDiff(DIFF)).toEqual([
    {
      object: 'Deployment zakpos-api',
      missing: false,
      lines: ['- image: nginx:1', '+ image: zakpos-api:1'],
    },
    {
      object: 'NetworkPolicy zakpos-redis',
      missing: true,
      lines: ['+ apiVersion: networking.k8s.io/v1', '+ kind: NetworkPolicy'],
    },
    { object: 'Secret zakpos-redis', missing: false, lines: [] },
    { object: 'Namespace zakpos', missing: false, lines: ['- level: baseline', '+ level: restricted'] },
  ]);
});

test('is nothing when nothing would change', async () => {
  const kubectl = cluster({});
  expect(await driftOf(kubectl, rendered)).toEqual([]);
  expect(kubectl.calls[0]?.args).toEqual([
    ...['diff', '--server-side', '--force-conflicts', '-f', 'a.yaml', '-f', 'b.yaml'],
  ]);
});

test('is told when something would', async () => {
  const found = await driftOf(cluster({ ok: false, stdout: DIFF, stderr: 'exit status 1' }), rendered);
  expect(found).toHaveLength(4);
});

test('ends with what the API server refuses to say', async () => {
  const stderr = 'error: no matches for kind "PodMonitor"';
  expect(await failureOf(() => driftOf(cluster({ ok: false, stderr }), rendered))).toContain(
    'no matches for kind "PodMonitor"',
  );
});
