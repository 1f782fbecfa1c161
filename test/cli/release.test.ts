import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from 'tar';
import { packRelease, placeIn, targetsIn, unpackRelease, verifySignature } from '../../cli/release.ts';
import { failureOf, withToolFolder, withTools } from './fakes.ts';

const ABOUT = { name: 'v1.2.0', commit: 'c0ffee', images: { api: 'example.com/api:1@sha256:0' } };
let work: string;
beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'zakpos-release-test-'));
});
afterEach(() => {
  rmSync(work, { recursive: true });
});

/** A folder of a release with manifests for production. */
function folder(name: string, text = 'kind: ConfigMap\n'): string {
  const path = join(work, name);
  const place = placeIn(path, 'production');
  mkdirSync(place.manifests, { recursive: true });
  writeFileSync(place.values, 'environment: prod\n');
  writeFileSync(join(place.manifests, '00-namespace.yaml'), text);
  return path;
}

async function archive(name: string, text?: string): Promise<string> {
  const file = join(work, `${name}.tar.gz`);
  await packRelease(folder(name, text), ABOUT, file);
  return file;
}

test('the same files make the same archive, whoever wrote them and when', async () => {
  const first = await archive('first');
  const second = folder('second');
  const file = join(placeIn(second, 'production').manifests, '00-namespace.yaml');
  utimesSync(file, 1, 1);
  chmodSync(file, 0o600);
  await packRelease(second, ABOUT, join(work, 'second.tar.gz'));
  expect(readFileSync(join(work, 'second.tar.gz')).equals(readFileSync(first))).toBe(true);
  expect(readFileSync(await archive('third', 'kind: Secret\n')).equals(readFileSync(first))).toBe(false);
});

test('an archive is unpacked with all that is in it', async () => {
  const to = join(work, 'unpacked');
  expect(await unpackRelease(await archive('first'), to)).toEqual(ABOUT);
  expect(targetsIn(to)).toEqual(['production']);
  expect(readFileSync(placeIn(to, 'production').values, 'utf8')).toBe('environment: prod\n');
  expect(readFileSync(join(to, 'SHA256SUMS'), 'utf8')).toMatch(/^[0-9a-f]{64} {2}production\/manifests\//);
});

const repacked = async (change: (folder: string) => void): Promise<string> => {
  const to = join(work, 'unpacked');
  await unpackRelease(await archive('first'), to);
  change(to);
  const file = join(work, 'changed.tar.gz');
  await create({ cwd: to, file, gzip: true }, ['.']);
  return failureOf(() => unpackRelease(file, join(work, 'again')));
};

test('an archive with another file, one that was changed, or one that is missing is refused', async () => {
  const refusal = /changed\.tar\.gz` is not what was released: its files are not those of its SHA256SUMS\./;
  const manifest = (to: string): string => join(placeIn(to, 'production').manifests, '00-namespace.yaml');
  expect(
    await repacked((to) => {
      writeFileSync(join(to, 'more'), '');
    }),
  ).toMatch(refusal);
  rmSync(join(work, 'unpacked'), { recursive: true });
  rmSync(join(work, 'again'), { recursive: true });
  expect(
    await repacked((to) => {
      writeFileSync(manifest(to), 'kind: Job\n');
    }),
  ).toMatch(refusal);
  rmSync(join(work, 'unpacked'), { recursive: true });
  rmSync(join(work, 'again'), { recursive: true });
  expect(
    await repacked((to) => {
      rmSync(manifest(to));
    }),
  ).toMatch(refusal);
});

test('what is no archive, no release, or not there is named', async () => {
  const file = await archive('first');
  writeFileSync(join(work, 'cut.tar.gz'), readFileSync(file).subarray(0, 100));
  const of = (name: string): Promise<string> =>
    failureOf(() => unpackRelease(join(work, name), join(work, 'to')));
  expect(await of('cut.tar.gz')).toMatch(/cut\.tar\.gz` can't be unpacked: /);
  expect(await of('none.tar.gz')).toMatch(/There is no file `.*none\.tar\.gz`\./);
  await create({ cwd: work, file: join(work, 'other.tar.gz'), gzip: true }, ['cut.tar.gz']);
  expect(await of('other.tar.gz')).toMatch(/other\.tar\.gz` is no release: it has no SHA256SUMS\./);
});

describe('the signature of an archive', () => {
  test('has to be of the release workflow of that very repository, for a tag', async () => {
    await withToolFolder({ cosign: '' }, async ({ path, calls }) => {
      const before = process.env.PATH;
      process.env.PATH = path;
      try {
        await verifySignature('v1.tar.gz', 'acme/till.k8s');
      } finally {
        process.env.PATH = before;
      }
      expect(calls()).toEqual([
        'cosign verify-blob --bundle v1.tar.gz.sigstore.json ' +
          '--certificate-oidc-issuer https://token.actions.githubusercontent.com ' +
          '--certificate-identity-regexp ' +
          '^https://github\\.com/acme/till\\.k8s/\\.github/workflows/release\\.yml@refs/tags/v[0-9A-Za-z.-]+$ ' +
          'v1.tar.gz',
      ]);
    });
  });

  test('of anybody else is refused, and without cosign nothing is believed', async () => {
    const refused = withTools({ cosign: 'echo "none of the expected identities matched" >&2; exit 1' }, () =>
      failureOf(() => verifySignature('v1.tar.gz', 'acme/till')),
    );
    expect(await refused).toMatch(
      /^`v1\.tar\.gz` is not signed by the release workflow of acme\/till: none of the expected/,
    );
    const missing = withTools({}, () => failureOf(() => verifySignature('v1.tar.gz', 'acme/till')));
    expect(await missing).toMatch(/^cosign is not installed, or not in PATH/);
  });
});
