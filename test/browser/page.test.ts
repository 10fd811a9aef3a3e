/** The page that `rondo serve` shows, in a real browser. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { createGateway, echoRoute, topicRoute, type Gateway } from '../../src/gateway/index.ts';
import { launchBrowser } from './launch.ts';

/** A folder to write pictures of the page to, for people to look at. */
const pictures = process.env['RONDO_PICTURES'];

let browser: Browser;
let gateway: Gateway;
let url: string;

before(async () => {
  gateway = createGateway({ port: 0, host: '127.0.0.1', page: true });
  gateway.websocket('/echo', echoRoute());
  gateway.websocket('/topics/:topic', topicRoute());
  const address = await gateway.listen();
  assert.ok('port' in address);
  url = `http://127.0.0.1:${address.port}/`;
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  await gateway?.close({ deadlineMs: 0 });
});

/** The page, loaded; what it complains about fails the test that calls `check`. */
async function openPage(
  scheme: 'light' | 'dark' = 'light',
  query = '',
): Promise<{ page: Page; check: () => void }> {
  const page = await browser.newPage({ colorScheme: scheme });
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (entry) => {
    if (entry.type() === 'error') complaints.push(entry.text());
  });
  page.on('request', (request) => {
    const { host, protocol } = new URL(request.url());
    if (host !== new URL(url).host && protocol !== 'data:') complaints.push(request.url());
  });
  await page.goto(url + query);
  return { page, check: () => assert.deepEqual(complaints, []) };
}

async function connect(page: Page, path: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Path' }).fill(path);
  await page.getByRole('button', { name: 'Connect', exact: true }).click();
  await page.getByRole('status').getByText(`Connected to ${path}`).waitFor();
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Message' }).fill(text);
  await page.getByRole('button', { name: 'Send', exact: true }).click();
}

async function hears(page: Page, text: string): Promise<void> {
  await page.getByRole('log').locator('li.in', { hasText: text }).waitFor();
}

it('the page connects, sends, sees the echo and how long it took, and disconnects', async () => {
  const { page, check } = await openPage();
  await connect(page, '/echo');
  await say(page, 'Grüße aus dem Browser 👋');
  await hears(page, 'Grüße aus dem Browser 👋');
  await page.locator('li.in', { hasText: 'back after' }).waitFor();
  assert.match((await page.locator('#last').textContent()) ?? '', /^[\d.]+ ms$/);
  await say(page, '<b>not markup</b>');
  await hears(page, '<b>not markup</b>');
  await page.getByRole('button', { name: 'Send 20 pings' }).click();
  await page.getByText('20 pings came back').waitFor();
  assert.equal(await page.locator('#counts').textContent(), '22 / 22');
  await page.getByRole('button', { name: 'Disconnect' }).click();
  await page.getByRole('status').getByText('Closed (1000)').waitFor();
  assert.ok(await page.getByRole('button', { name: 'Send', exact: true }).isDisabled());
  check();
  await page.close();
});

it('two pages in one topic hear each other', async () => {
  const { page: anna, check: checkAnna } = await openPage('light', '?path=/topics/lobby');
  const { page: ben, check: checkBen } = await openPage('dark');
  await connect(anna, '/topics/lobby');
  await ben.getByRole('button', { name: '/topics/lobby' }).click();
  await connect(ben, '/topics/lobby');
  await say(anna, 'Is anybody here?');
  for (const page of [anna, ben]) await hears(page, 'Is anybody here?');
  await say(ben, 'I am');
  for (const page of [anna, ben]) await hears(page, 'I am');
  for (const page of [anna, ben]) await page.close();
  checkAnna();
  checkBen();
});

it('says when it cannot connect', async () => {
  const { page } = await openPage();
  await page.getByRole('textbox', { name: 'Path' }).fill('/nothing');
  await page.getByRole('button', { name: 'Connect', exact: true }).click();
  await page.getByRole('status').getByText('Cannot connect to /nothing').waitFor();
  await connect(page, '/echo');
  await page.close();
});

it('fits small and large screens, light and dark', async () => {
  for (const scheme of ['light', 'dark'] as const) {
    const { page, check } = await openPage(scheme);
    if (pictures) await page.screenshot({ path: `${pictures}/start-${scheme}.png` });
    await connect(page, '/topics/lobby');
    await say(page, 'A message that is long enough to be broken into several lines, '.repeat(4));
    await say(page, 'Short');
    await hears(page, 'Short');
    await page.getByRole('button', { name: 'Send 20 pings' }).click();
    await page.getByText('20 pings came back').waitFor();
    for (const [name, width, height] of [
      ['wide', 1200, 800],
      ['narrow', 390, 844],
    ] as const) {
      await page.setViewportSize({ width, height });
      const overflow = await page.evaluate<number>(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      );
      assert.ok(overflow <= 0, `${name}, ${scheme}: ${overflow} pixels stand out`);
      if (pictures) await page.screenshot({ path: `${pictures}/${name}-${scheme}.png` });
    }
    check();
    await page.close();
  }
});
