/** A day of development: a save of each app is seen within seconds, and nothing is built or restarted for it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { chromium, type Browser, type Page } from 'playwright-core';
import {
  call,
  config,
  eventually,
  kubectl,
  logIn,
  NAMESPACE,
  podOf,
  pods,
  product,
  ROOT,
  TILL,
  tryKubectl,
} from './harness.ts';
import { Inspector } from './inspector.ts';

const TIMES = 5;
const API = 'api/src/server.ts';
const WEB = 'web/src/till/log-in.tsx';
const MOBILE = 'mobile/src/ui/LoginScreen.tsx';

/** The checkout as it was, put back whatever happens. */
const originals = new Map<string, string>();
const pathOf = (file: string): string => join(ROOT, 'apps', file);
function edit(file: string, before: string, after: string): void {
  const text = originals.get(file) ?? readFileSync(pathOf(file), 'utf8');
  originals.set(file, text);
  if (!text.includes(before)) throw new Error(`${file} has no ${before}`);
  writeFileSync(pathOf(file), text.replace(before, after));
}
function putBack(): void {
  for (const [file, text] of originals) writeFileSync(pathOf(file), text);
  originals.clear();
}
process.on('exit', putBack);

const milliseconds = async (what: string, until: () => Promise<boolean>): Promise<number> => {
  const started = performance.now();
  while (!(await until().catch(() => false))) {
    if (performance.now() - started > 30_000) throw new Error(`${what}: not seen within 30 s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return performance.now() - started;
};
/** CPU time since the computer's start, of all its CPUs together, in milliseconds. */
function cpuTimes(): { readonly idle: number; readonly all: number } {
  const times = cpus().map((cpu) => cpu.times);
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return { idle: sum(times.map(({ idle }) => idle)), all: sum(times.flatMap((each) => Object.values(each))) };
}
/** What was set going before, such as the starts of other processes, is at its end: half of the CPUs is idle for 3 s. */
async function quiet(): Promise<void> {
  await eventually('a computer that is half idle', 180, async () => {
    const then = cpuTimes();
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const after = cpuTimes();
    return (after.idle - then.idle) / (after.all - then.all) > 0.5 || undefined;
  });
}
/** Tells all times, and answers the middle one, in milliseconds: what else the machine does slows one or the other. */
const middleOf = (what: string, times: readonly number[]): number => {
  console.log(`${what}: ${times.map((time) => `${(time / 1000).toFixed(2)} s`).join(', ')}`);
  return [...times].sort((a, b) => a - b)[times.length >> 1] ?? NaN;
};

const titleOf = async (): Promise<string> => {
  const { body } = await call('/api/v1/docs-json');
  return JSON.stringify(body);
};
const apiSays = (text: string): Promise<boolean> => titleOf().then((title) => title.includes(text));

async function settled(): Promise<string[]> {
  return (await pods()).map(({ name, uid, restarts }) => `${name} ${uid} ${restarts}`).sort();
}
const images = async (): Promise<string> => (await execa('docker', ['images', '-q', '--no-trunc'])).stdout;
const logsOf = async (workload: string): Promise<string> =>
  (await kubectl('-n', NAMESPACE, 'logs', `deployment/${workload}`, '--tail=-1')).stdout;
const times = (text: string, part: string): number => text.split(part).length - 1;

describe('a save in the checkout', () => {
  let before: { readonly pods: string[]; readonly images: string };
  let browser: Browser;

  beforeAll(async () => {
    before = { pods: await settled(), images: await images() };
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
    });
  });
  afterEach(async () => {
    putBack();
    await eventually('the API of before', 30, async () => (await apiSays('"ZakPOS API"')) || undefined);
  });
  afterAll(async () => {
    await browser.close();
    expect(await settled()).toEqual(before.pods);
    expect(await images()).toBe(before.images);
  });

  test('of the API answers within 3 s', async () => {
    const seen: number[] = [];
    for (let i = 0; i < TIMES; i++) {
      // As when a person saves, who has looked at what the save before did.
      await eventually('the packages of the next start', 30, async () => {
        const text = await logsOf('zakpos-api');
        const loaded = times(text, 'The packages of the next start are loaded');
        return loaded > times(text, 'ZakPOS API is listening') || undefined;
      });
      await quiet();
      edit(API, "setTitle('ZakPOS API')", `setTitle('edit ${i}')`);
      seen.push(await milliseconds('the title of the API', () => apiSays(`"edit ${i}"`)));
    }
    expect(middleOf('a save of the API answers after', seen)).toBeLessThan(3000);
  });

  /** Saves a label again and again while a page is open, which must keep what was typed into it. */
  async function refreshed(
    url: string,
    file: string,
    label: (text: string) => [string, string],
  ): Promise<number[]> {
    const page: Page = await (await browser.newContext({ locale: 'en-GB' })).newPage();
    await page.goto(url);
    const email = page.getByLabel('Email');
    await email.fill('kept@zakpos.example');
    const seen: number[] = [];
    for (let i = 0; i < TIMES; i++) {
      edit(file, ...label(`Edit ${i}`));
      seen.push(
        await milliseconds(`the label of ${url}`, () =>
          page
            .getByRole('button', { name: `Edit ${i}` })
            .count()
            .then((count) => count > 0),
        ),
      );
    }
    expect(await email.inputValue()).toBe('kept@zakpos.example');
    await page.context().close();
    return seen;
  }

  test('of the till is seen within 2 s in an open page, which keeps what was typed', async () => {
    const seen = await refreshed(TILL, WEB, (text) => ['          Log in\n', `          ${text}\n`]);
    expect(middleOf('a save of the till is seen after', seen)).toBeLessThan(2000);
  });

  test('of the mobile app is seen within 3 s in an open page, which keeps what was typed', async () => {
    const url = `http://localhost:${config.localPorts.mobile}`;
    const seen = await refreshed(url, MOBILE, (text) => [": 'Log in'}", `: '${text}'}`]);
    expect(middleOf('a save of the mobile app is seen after', seen)).toBeLessThan(3000);
  });

  test('with a mistake is told in the log, while the API of before serves on', async () => {
    edit(API, "setTitle('ZakPOS API')", "setTitle('ZakPOS API'");
    await eventually('the mistake in the log', 10, async () =>
      /src\/server\.ts\(\d+,\d+\): /.test(await logsOf('zakpos-api')) ? true : undefined,
    );
    for (let i = 0; i < 10; i++) expect((await call('/api/v1/docs-json')).status).toBe(200);
  });

  test('that ends the API as it starts is taken back, and told', async () => {
    edit(API, "import 'reflect-metadata';", "import 'reflect-metadata';\nimport './nowhere.js';");
    await eventually('the words of the program', 20, async () =>
      (await logsOf('zakpos-api')).includes('the last version that ran serves on') ? true : undefined,
    );
    await eventually(
      'the API',
      20,
      async () => (await call('/api/v1/docs-json')).status === 200 || undefined,
    );
  });

  test('of package.json is one message', async () => {
    const words = 'apps/api/package.json changed';
    expect(await logsOf('zakpos-api')).not.toContain(words);
    edit('api/package.json', '"private": true,', '"private": true,\n  "keywords": ["edited"],');
    await eventually('the message', 10, async () =>
      (await logsOf('zakpos-api')).includes(words) ? true : undefined,
    );
    edit(API, "setTitle('ZakPOS API')", "setTitle('after it')");
    await milliseconds('a later save', () => apiSays('"after it"'));
    expect(times(await logsOf('zakpos-api'), words)).toBe(1);
  });

  test('of the API runs in the worker and in tasks, too', async () => {
    const worker = await podOf('zakpos-reports');
    edit('api/src/worker.ts', "'ZakPOS reports worker is running'", "'The edited worker is running'");
    await eventually('the worker', 30, async () =>
      (await logsOf('zakpos-reports')).includes('The edited worker is running') ? true : undefined,
    );
    expect(await podOf('zakpos-reports')).toEqual(worker);
  });
});

describe('a debugger', () => {
  const { apiDebug, webDebug } = config.localPorts;
  let inspector: Inspector | undefined;
  afterEach(async () => {
    await inspector?.detach();
    inspector = undefined;
  });

  test('stops in the API at a line of the checkout', async () => {
    const path = 'products/products.controller.ts';
    const source = readFileSync(pathOf(`api/src/${path}`), 'utf8').split('\n');
    const line = source.findIndex((text) => text.includes('this.products.list(query)'));
    // What the test before has put back may be starting.
    const token = await eventually('a log in', 10, () => logIn().catch(() => undefined));
    inspector = await Inspector.attach(apiDebug);
    const script = await inspector.script(path);
    // What .vscode/launch.json says leads to apps/api of the checkout.
    expect(script.source).toBe(`file:///app/work/src/${path}`);
    await inspector.breakAt(script, line);
    const asked = product(token);
    expect(await inspector.pausedIn()).toBe(script.id);
    await asked;
  });

  test("finds the till's server on a port of its own, by the source that runs there", async () => {
    inspector = await Inspector.attach(webDebug);
    expect((await inspector.script('server/till-server.ts')).source).toBe(
      'file:///app/work/server/till-server.ts',
    );
  });

  test('that is a pod gets nowhere', async () => {
    const { ip } = await podOf('zakpos-api');
    const pod = ['run', 'debugger', '--image=busybox:1.36', '--restart=Never', '-n', 'default'];
    const tried = await tryKubectl(
      ...[...pod, '--rm', '-i', '--command', '--', 'sh', '-c'],
      `nc -z -w 3 ${ip} ${config.api.port}; nc -z -w 3 ${ip} 9229 && echo open || echo closed`,
    );
    expect(tried.all).toContain('closed');
  });
});

test("the mobile app's dev server names itself by the port of this machine", async () => {
  const answer = await call('/', { port: config.localPorts.mobile, headers: { 'expo-platform': 'android' } });
  const manifest = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
  expect(manifest).toContain(`"hostUri":"localhost:${config.localPorts.mobile}"`);
  expect(manifest).toContain(`"http://localhost:${config.localPorts.mobile}/index.tsx.bundle`);
});
