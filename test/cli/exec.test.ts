import { attempt, lastLines, run } from '../../cli/exec.ts';
import { CliError, messageOf } from '../../cli/errors.ts';
import { failureOf } from './fakes.ts';

const sh = (script: string, ...rest: readonly string[]): readonly string[] => ['-c', script, ...rest];

test('a command that ends well answers what it wrote', async () => {
  expect(await attempt('/bin/sh', sh('echo out; echo err >&2'))).toEqual({
    ok: true,
    stdout: 'out',
    stderr: 'err',
    notFound: false,
  });
});

test('a command that fails is no error of attempt', async () => {
  const { ok, stderr, notFound } = await attempt('/bin/sh', sh('echo bad >&2; exit 3'));
  expect({ ok, stderr, notFound }).toEqual({ ok: false, stderr: 'bad', notFound: false });
});

test('a command that is not there says so', async () => {
  const { ok, stderr, notFound } = await attempt('zakpos-no-such-command', ['a', 'b', 'hidden']);
  expect({ ok, notFound }).toEqual({ ok: false, notFound: true });
  expect(stderr).toBe('spawn zakpos-no-such-command ENOENT');
});

test('a command that was killed says by what', async () => {
  expect((await attempt('/bin/sh', sh('kill -9 $$'))).stderr).toBe('/bin/sh was ended by SIGKILL');
});

test('a command that takes too long is ended and says so', async () => {
  const { ok, stderr } = await attempt('/bin/sleep', ['5'], { timeoutSeconds: 0.1 });
  expect({ ok, stderr }).toEqual({ ok: false, stderr: '/bin/sleep did not answer within 0.1 s' });
});

test('text goes to its stdin; without any, its stdin is empty', async () => {
  expect(await run('/bin/cat', [], { input: 'a secret' })).toBe('a secret');
  expect(await run('/bin/cat', [])).toBe('');
});

test('variables are added to those that there are', async () => {
  const script = 'echo "$SHOP ${PATH:+and PATH}"';
  expect(await run('/bin/sh', sh(script), { env: { SHOP: 'mine' } })).toBe('mine and PATH');
});

test('lines of both outputs are seen as they appear', async () => {
  const seen: string[] = [];
  await run('/bin/sh', sh('echo one; sleep 0.05; echo; echo two >&2'), { onLine: (line) => seen.push(line) });
  expect(seen).toEqual(['one', 'two']);
});

test('the error of a failed command shows its first two arguments, what it said and the fix, and no more', async () => {
  const work = () =>
    run('/bin/sh', sh('echo "no room" >&2; exit 1', 'password=hunter2'), { fix: 'Make room.' });
  expect(await failureOf(work)).toBe('`/bin/sh -c echo "no room" >&2; exit 1` failed: no room\n  Make room.');
  await expect(work()).rejects.toBeInstanceOf(CliError);
});

test('a command that is not there is named with why it could not run, and without its further arguments', async () => {
  const message = await failureOf(() => run('zakpos-no-such-command', ['get', 'pods', 'hunter2']));
  expect(message).toMatch(
    /^`zakpos-no-such-command get pods` failed: spawn zakpos-no-such-command ENOENT\n {2}/,
  );
  expect(message).not.toContain('hunter2');
});

test('the input of a failed command is never shown', async () => {
  const message = await failureOf(() => run('/bin/sh', sh('cat > /dev/null; exit 1'), { input: 'hunter2' }));
  expect(message).not.toContain('hunter2');
});

test('what a failed command wrote to stdout is shown when it wrote no error', async () => {
  expect(await failureOf(() => run('/bin/sh', sh('echo "disk full"; exit 1')))).toContain(
    'failed: disk full\n',
  );
});

test('of a long output the end is shown', () => {
  const output = Array.from({ length: 20 }, (_, i) => `line ${i}`).join('\n');
  expect(lastLines(output, 2)).toBe('line 18\nline 19');
  expect(lastLines(`${output}\n\n`).split('\n')).toHaveLength(15);
  expect(lastLines('one\n')).toBe('one');
});

test('an error is a problem and, on a line of its own, the fix', () => {
  const error = new CliError('It is broken.', 'Mend it.');
  expect(error.message).toBe('It is broken.\n  Mend it.');
  expect(messageOf(error)).toBe(error.message);
  expect(messageOf('text')).toBe('text');
});
