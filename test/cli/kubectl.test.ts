/** What goes on while a command runs: lines as they appear, and ports of pods. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { start } from '../../cli/exec.ts';
import { Kubectl } from '../../cli/kubectl.ts';
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
