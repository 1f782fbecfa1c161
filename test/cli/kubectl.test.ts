/** What goes on while a command runs: lines as they appear, and ports of pods. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { attempt, start } from '../../cli/exec.ts';
import { Kubectl, sayingEnd } from '../../cli/kubectl.ts';
import { failureOf, withTools } from './fakes.ts';

const PORT = { namespace: 'zakpos', pod: 'service/zakpos-loki', port: 3100 };

test('lines are handed over whole, in their order, however they come', async () => {
  const lines: string[] = [];
  const { ended } = start(
    '/bin/sh',
    ['-c', 'printf "a\\nb"; sleep 0.1; printf "c\\n\\nd"; echo no >&2; exit 2'],
    (line) => lines.push(line),
  );
  expect(await ended).toEqual({ ok: false, stderr: 'no' });
  expect(lines).toEqual(['a', 'bc', '', 'd']);
});

describe('a command in a pod', () => {
  const run = (): Promise<string> =>
    new Kubectl('shop').runInPod('zakpos', 'zakpos-redis-0', ['cat', '-'], 'a\nb\n');
  /** kubectl that runs, on this machine, what is for the pod. */
  const inPod = 'while [ "$1" != -- ]; do shift; done; shift; PATH=/bin:/usr/bin; "$@"';

  test('is given its input, and answers what it prints', async () => {
    expect(await withTools({ kubectl: inPod }, run)).toBe('a\nb');
  });

  test('that fails does not say that it has ended well', async () => {
    const [program = '', ...args] = sayingEnd(['sh', '-c', 'echo a; exit 3']);
    expect(await attempt(`/bin/${program}`, args)).toMatchObject({ ok: false, stdout: 'a' });
  });

  test('whose connection is lost has failed, though its exit code is 0', async () => {
    expect(await withTools({ kubectl: 'echo a' }, () => failureOf(run))).toBe(
      'The connection to zakpos-redis-0 was lost while cat ran there.\n' +
        '  Run the same command again: it continues where it stopped.',
    );
  });
});

describe('a port of a pod', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'zakpos-port-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const opened = (): string => `
    echo $$ > '${folder}/pid'; echo "$*" > '${folder}/args'
    echo 'Forwarding from 127.0.0.1:40123 -> 3100'; echo 'Forwarding from [::1]:40123 -> 3100'
    exec /bin/sleep 60`;
  const isRunning = (pid: number): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };

  test('is one of this machine for as long as it is used', async () => {
    const pid = await withTools({ kubectl: opened() }, () =>
      new Kubectl('shop').withPort(PORT, (url) => {
        expect(url).toBe('http://127.0.0.1:40123');
        const running = Number(readFileSync(join(folder, 'pid'), 'utf8'));
        expect(isRunning(running)).toBe(true);
        return Promise.resolve(running);
      }),
    );
    expect(readFileSync(join(folder, 'args'), 'utf8')).toBe(
      '--context shop -n zakpos port-forward service/zakpos-loki :3100\n',
    );
    for (let i = 0; isRunning(pid) && i < 100; i += 1) await sleep(50);
    expect(isRunning(pid)).toBe(false);
  });

  test('is closed when its use fails', async () => {
    const failure = await withTools({ kubectl: opened() }, () =>
      failureOf(() => new Kubectl('shop').withPort(PORT, () => Promise.reject(new Error('no answer')))),
    );
    expect(failure).toBe('no answer');
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
    for (let i = 0; isRunning(pid) && i < 100; i += 1) await sleep(50);
    expect(isRunning(pid)).toBe(false);
  });

  test('that can not be had says why', async () => {
    const script = 'echo \'Error from server (NotFound): services "zakpos-loki" not found\' >&2; exit 1';
    const failure = await withTools({ kubectl: script }, () =>
      failureOf(() => new Kubectl('shop').withPort(PORT, () => Promise.resolve('used'))),
    );
    expect(failure).toContain('services "zakpos-loki" not found');
  });
});
