import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { ADMIN, config, sql, TILL } from './harness.ts';

const SCREENSHOTS = join(tmpdir(), 'zakpos-e2e-screenshots');
const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';

describe('in a real browser', () => {
  let browser: Browser;

  beforeAll(async () => {
    mkdirSync(SCREENSHOTS, { recursive: true });
    browser = await chromium.launch({
      executablePath: EXECUTABLE,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--no-first-run',
      ],
    });
  });
  afterAll(() => browser.close());

  async function open(url: string, width: number): Promise<{ page: Page; errors: string[] }> {
    const context = await browser.newContext({ viewport: { width, height: 800 }, locale: 'en-GB' });
    const page = await context.newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    await page.goto(url);
    return { page, errors };
  }

  async function logInAndSell(page: Page): Promise<number> {
    await page.getByLabel('Email').fill(ADMIN.email);
    await page.getByLabel('Password').fill(ADMIN.password);
    await page.getByRole('button', { name: 'Log in' }).click();
    const [name] = await sql('select name from products where active and stock > 10 order by name limit 1');
    await page
      .getByRole('button', { name: new RegExp(`^${name ?? ''}`) })
      .first()
      .click();
    await page.getByRole('button', { name: /^Sell/ }).click();
    const status = page.getByText(/Sale #\d+/).first();
    await status.waitFor({ timeout: 15_000 });
    return Number(/Sale #(\d+)/.exec(await status.innerText())?.[1]);
  }

  test("the till logs in, sells, and shows today's total and the sale in the live feed", async () => {
    const { page, errors } = await open(TILL, 1280);
    const number = await logInAndSell(page);
    await page.screenshot({ path: join(SCREENSHOTS, 'till.png'), fullPage: true });

    const [row] = await sql(`select total_minor from sales where number = ${number}`);
    expect(Number(row)).toBeGreaterThan(0);
    const [today] = await sql(
      "select sum(total_minor), count(*) from sales where created_at >= date_trunc('day', now() at time zone 'UTC') at time zone 'UTC'",
    );
    const [total, count] = (today ?? '').split('|');
    const shown = new Intl.NumberFormat('en-GB', {
      style: 'currency',
      currency: config.shop.currency,
    }).format(Number(total) / 100);
    await page
      .getByTestId('today-total')
      .getByText(shown)
      .or(page.getByTestId('today-total').filter({ hasText: shown }))
      .first()
      .waitFor();
    expect(await page.getByTestId('today-count').innerText()).toContain(count);
    await page
      .getByRole('list', { name: 'Live sales' })
      .getByText(new RegExp(`#${number}\\b`))
      .waitFor();
    expect(errors).toEqual([]);
  });

  test('another till sees the sale without asking', async () => {
    const watcher = await open(TILL, 1280);
    await logInAndSell(watcher.page);
    const seller = await open(TILL, 360);
    const number = await logInAndSell(seller.page);
    await seller.page.screenshot({ path: join(SCREENSHOTS, 'till-phone.png'), fullPage: true });
    await watcher.page
      .getByRole('list', { name: 'Live sales' })
      .getByText(new RegExp(`#${number}\\b`))
      .waitFor({ timeout: 10_000 });
  });

  test("the till on Docker's old port works, too", async () => {
    const { page, errors } = await open(`http://localhost:${config.localPorts.web}`, 1280);
    expect(await logInAndSell(page)).toBeGreaterThan(0);
    expect(errors).toEqual([]);
  });

  test('the mobile app sells', async () => {
    const { page } = await open(`http://localhost:${config.localPorts.mobile}`, 390);
    const number = await logInAndSell(page);
    await page.screenshot({ path: join(SCREENSHOTS, 'mobile.png'), fullPage: true });
    expect(await sql(`select count(*) from sales where number = ${number}`)).toEqual(['1']);
  });
});
