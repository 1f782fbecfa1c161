import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { readManifests } from '../../cli/environment.ts';
import { placeIn, targetsIn, unpackRelease } from '../../cli/release.ts';
import { loadConfig } from '../../environments/load.ts';
import { pushedImages, releaseImages } from '../../release/images.ts';
import { releaseManifests, withImages } from '../../release/manifests.ts';
import { scan } from '../../release/scan.ts';
import { sign } from '../../release/sign.ts';
import { ROOT } from '../manifests.ts';
import { callsOf, failureOf, quiet, withTools, type Tools } from '../cli/fakes.ts';

quiet();

let work: string;
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'zakpos-release-test-'));
});
afterEach(() => {
  rmSync(work, { recursive: true });
});

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

/** Writes a text to the file that comes after an option. */
const writes = (option: string, text: string): string =>
  `while [ $# -gt 0 ]; do [ "$1" = ${option} ] && printf '%s' '${text}' > "$2"; shift; done`;

function images(): string {
  const file = join(work, 'images.json');
  const names = ['api', 'web', 'mobile', 'jmx-agent'];
  const entries = names.map((name) => [name, `ghcr.io/acme/zakpos-${name}:v1.2.0@${DIGEST}`]);
  writeFileSync(file, JSON.stringify(Object.fromEntries(entries)));
  return file;
}

test('images are built for both architectures, with cache, SBOM and provenance, and known by their digest', async () => {
  const out = join(work, 'release/images.json');
  const docker = writes('--metadata-file', JSON.stringify({ 'containerimage.digest': DIGEST }));
  const calls = await callsOf({ docker }, () =>
    releaseImages({ registry: 'ghcr.io/Acme', release: 'v1.2.0', out }),
  );
  expect(calls).toHaveLength(4);
  expect(calls[0]).toMatch(
    new RegExp(
      '^docker buildx build --progress=plain -f dockerfiles/api.Dockerfile -t ghcr.io/acme/zakpos-api:v1.2.0 ' +
        '--platform=linux/amd64,linux/arm64 ' +
        '--cache-from=type=registry,ref=ghcr.io/acme/zakpos-api:cache ' +
        '--cache-to=type=registry,ref=ghcr.io/acme/zakpos-api:cache,mode=max ' +
        '--provenance=mode=max --sbom=true --push --metadata-file \\S+ apps/api$',
    ),
  );
  expect(calls[3]).toContain(' -f dockerfiles/jmx-agent.Dockerfile ');
  expect(pushedImages(out)).toMatchObject({ api: `ghcr.io/acme/zakpos-api:v1.2.0@${DIGEST}` });
});

test('a build that fails ends it, and no list of images is written', async () => {
  const out = join(work, 'images.json');
  const said = await withTools({ docker: 'echo "no builder" >&2; exit 1' }, () =>
    failureOf(() => releaseImages({ registry: 'ghcr.io/acme', release: 'v1.2.0', out })),
  );
  expect(said).toMatch(/^`docker buildx build` failed: no builder\n {2}It takes a buildx builder/);
  expect(await failureOf(() => pushedImages(out))).toMatch(/names no pushed images: /);
});

describe('a scan', () => {
  const reported = (...ids: readonly string[]): string =>
    JSON.stringify({
      Results: [
        {
          Vulnerabilities: ids.map((id) => ({
            VulnerabilityID: id,
            PkgName: 'openssl',
            InstalledVersion: '3.0.1',
            FixedVersion: '3.0.2',
            Severity: 'HIGH',
          })),
        },
        { Target: 'nothing here' },
      ],
    });
  const options = () => ({ env: 'prod', severity: 'HIGH,CRITICAL', out: join(work, 'scan') });
  const trivy = (...ids: readonly string[]): string =>
    `[ "$1" = convert ] && exit 0\n${writes('--output', reported(...ids))}`;

  test('asks for what is bad and has a fix, of the pushed images by their digest and platform', async () => {
    const file = images();
    const calls = await callsOf({ trivy: trivy() }, () =>
      scan({ ...options(), images: file, platform: 'linux/arm64' }),
    );
    const json = join(work, 'scan/api-linux-arm64.json');
    expect(calls.slice(0, 2)).toEqual([
      'trivy image --quiet --scanners vuln --severity HIGH,CRITICAL --ignore-unfixed --platform linux/arm64 ' +
        `--format json --output ${json} ghcr.io/acme/zakpos-api:v1.2.0@${DIGEST}`,
      `trivy convert --quiet --format sarif --output ${join(work, 'scan/api-linux-arm64.sarif')} ${json}`,
    ]);
    expect(calls).toHaveLength(8);
  });

  test('of an environment takes the images that are built for it, and fails over the threshold', async () => {
    const summary = join(work, 'summary.md');
    process.env.GITHUB_STEP_SUMMARY = summary;
    try {
      const said = await withTools({ trivy: trivy('CVE-2026-1') }, () => failureOf(() => scan(options())));
      expect(said).toMatch(/^3 weaknesses of HIGH,CRITICAL have a fix that the images lack\.\n/);
      const told = readFileSync(summary, 'utf8');
      expect(told).toMatch(/api +CVE-2026-1 +HIGH +openssl +3\.0\.1 +3\.0\.2/);
      expect(told).toMatch(/zakpos-web:[0-9a-f]{12}/);
    } finally {
      delete process.env.GITHUB_STEP_SUMMARY;
    }
  });

  test('that cannot be made fails, and says why', async () => {
    const of = (tools: Tools): Promise<string> => withTools(tools, () => failureOf(() => scan(options())));
    expect(await of({})).toMatch(/^trivy is not installed, or not in PATH: no image was scanned\.\n/);
    expect(await of({ trivy: 'echo "no such image" >&2; exit 1' })).toMatch(
      /^trivy could not scan: no such image\n/,
    );
  });
});

test('what is signed is an image by its digest alone, and an archive with its signature beside it', async () => {
  const file = images();
  const calls = await callsOf({ cosign: '' }, () => sign({ images: file, archive: 'zakpos.tar.gz' }));
  expect(calls[0]).toBe(`cosign sign --yes --recursive ghcr.io/acme/zakpos-api@${DIGEST}`);
  expect(calls.slice(4)).toEqual([
    'cosign sign-blob --yes --bundle zakpos.tar.gz.sigstore.json zakpos.tar.gz',
  ]);
});

test("a place's own image stays, and its other values too", () => {
  const own = {
    environment: 'prod',
    web: { image: 'acme/web:2', replicas: 3 },
    monitoring: { mode: 'bundled' },
  };
  expect(withImages(own, { api: 'a:1', web: 'w:1', 'jmx-agent': 'j:1' })).toEqual({
    environment: 'prod',
    api: { image: 'a:1' },
    web: { image: 'acme/web:2', replicas: 3 },
    monitoring: { mode: 'bundled', exporters: { jmxAgentImage: 'j:1' } },
  });
});

test('the archive holds what each place applies, by digest; made twice, it is the same', async () => {
  const file = images();
  const make = async (out: string): Promise<Buffer> => {
    const targets = join(ROOT, 'release/targets');
    await releaseManifests({ release: 'v1.2.0', images: file, targets, out });
    return readFileSync(out);
  };
  const archive = join(work, 'first/zakpos.tar.gz');
  const first = await make(archive);
  expect((await make(join(work, 'second.tar.gz'))).equals(first)).toBe(true);

  const folder = join(work, 'unpacked');
  expect(await unpackRelease(archive, folder)).toMatchObject({
    name: 'v1.2.0',
    images: { api: `ghcr.io/acme/zakpos-api:v1.2.0@${DIGEST}` },
  });
  expect(targetsIn(folder).sort()).toEqual(['cloud', 'production', 'staging']);
  const place = placeIn(folder, 'staging');
  expect(parse(readFileSync(place.values, 'utf8'))).toMatchObject({ environment: 'prod', size: 'single' });
  const text = JSON.stringify(readManifests(place.manifests).objects);
  for (const app of ['api', 'web', 'mobile']) {
    expect(text).toContain(`"image":"ghcr.io/acme/zakpos-${app}:v1.2.0@${DIGEST}"`);
  }
  expect(text).not.toMatch(/"image":"zakpos-/);
  const config = loadConfig('prod', { configFile: place.values });
  expect(config.ingress.host).toBe('till.staging.example.com');
});

test('a place whose values cannot be used is named', async () => {
  const targets = join(work, 'targets');
  mkdirSync(targets);
  writeFileSync(join(targets, 'bad.yaml'), 'environment: prod\nzookeeper: { replicas: 2 }\n');
  const out = join(work, 'zakpos.tar.gz');
  const file = images();
  expect(await failureOf(() => releaseManifests({ release: 'v1.2.0', images: file, targets, out }))).toMatch(
    /zookeeper\.replicas: is 2/,
  );
});
