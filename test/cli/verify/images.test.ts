import { images } from '../../../cli/verify/images.ts';
import { withTools } from '../fakes.ts';
import { contextOf, LINE, manifest, pod, set, told } from './world.ts';

const objects = [manifest('zakpos-redis', 'redis:7')];
const judge = (
  tools: Parameters<typeof withTools>[0],
  own: Parameters<typeof pod>[2] = { image: 'redis:7' },
) =>
  withTools(tools, () =>
    images.run(
      contextOf([], { objects, snapshot: [set('zakpos-redis'), pod('zakpos-redis-0', 'zakpos-redis', own)] }),
      LINE,
    ),
  );
const TRIVY = 'exit 0';

test('pass when pods run what the manifests have, and Trivy knows nothing against it', async () => {
  expect(await judge({ trivy: TRIVY })).toEqual({
    state: 'passed',
    words: '1 image; scanned by Trivy',
    findings: [],
  });
});

test('warn when there is no Trivy', async () => {
  expect(await judge({})).toMatchObject({ state: 'warned', words: '1 image; not scanned' });
});

test('warn of a vulnerability', async () => {
  const verdict = await judge({
    trivy:
      '[ "$1" = --version ] && exit 0; echo "| lib | CVE-2026-1 | CRITICAL"; echo "| lib | CVE-2026-2 |"; exit 1',
  });
  expect([verdict.state, ...told(verdict)]).toEqual([
    'warned',
    'Image redis:7 has critical vulnerabilities that a newer version mends: 2',
  ]);
});

test('warn when an image cannot be scanned', async () => {
  const verdict = await judge({ trivy: '[ "$1" = --version ] && exit 0; echo "no database" >&2; exit 1' });
  expect(told(verdict)).toEqual(["Image redis:7 can't be scanned: no database"]);
});

test('fail when a pod runs another image', async () => {
  const verdict = await judge({ trivy: TRIVY }, { image: 'redis:6' });
  expect([verdict.state, ...told(verdict)]).toEqual([
    'failed',
    'Pod zakpos-redis-0 runs redis:6 as main; the configuration has redis:7',
  ]);
});

test('fail when nobody knows which build of it runs', async () => {
  const verdict = await judge({ trivy: TRIVY }, { image: 'redis:7', container: { imageID: '' } });
  expect(told(verdict)).toEqual(['Pod zakpos-redis-0 does not tell the digest of redis:7']);
});
