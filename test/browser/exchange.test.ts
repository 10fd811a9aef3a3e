/** `examples/exchange`, as two people in two browsers see it, and an engine that is killed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { Gateway } from '../../src/gateway/index.ts';
import { until } from '../gateway/fixture.ts';
import { launchBrowser } from './launch.ts';

interface Exchange {
  readonly gateway: Gateway;
  readonly supervisor: {
    readonly pid: number | undefined;
    start(): void;
    stop(signal: 'SIGKILL'): Promise<void>;
  };
  listen(): Promise<{ readonly port: number }>;
  close(options: { readonly deadlineMs: number }): Promise<unknown>;
}

interface Example {
  buildEngine(): void;
  createExchange(options: object): Exchange;
}

const pictures = process.env['RONDO_PICTURES'];
const hasCargo = spawnSync('cargo', ['--version']).status === 0;
const skip = hasCargo ? false : 'there is no cargo, which the engine is built with';
const example = new URL('../../../examples/exchange/server.js', import.meta.url);

let browser: Browser | undefined;
let exchange: Exchange | undefined;
let directory: string;
let url: string;

before(async () => {
  if (skip !== false) return;
  const program = (await import(example.href)) as Example;
  program.buildEngine();
  directory = mkdtempSync(join(tmpdir(), 'rondo-exchange-'));
  exchange = program.createExchange({
    // What waits for an engine is refused after 5 s: a busy machine takes longer to start one.
    maxAgeMs: 600_000,
    directory,
    journal: join(directory, 'journal'),
    gateway: { host: '127.0.0.1', port: 0 },
  });
  url = `http://127.0.0.1:${(await exchange.listen()).port}/`;
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  await exchange?.close({ deadlineMs: 0 });
  if (directory !== undefined) rmSync(directory, { recursive: true });
});

/** Somebody with a browser of their own, who trades. */
async function trader(name: string): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser!.newContext({ viewport: { width: 1280, height: 760 } });
  const page = await context.newPage();
  page.on('pageerror', (error) => assert.fail(error));
  await page.goto(url);
  await page.getByLabel('Account').fill(name);
  await page.getByRole('button', { name: 'Trade' }).click();
  await page.getByRole('status').getByText('Exchange is open').waitFor();
  return { context, page };
}

async function order(page: Page, side: 'Buy' | 'Sell', quantity: number, price: string) {
  await page.locator('#entry').getByText(side, { exact: true }).first().click();
  await page.getByLabel('Quantity').fill(`${quantity}`);
  await page.getByLabel('Price', { exact: true }).fill(price);
  await page.locator('#send').click();
}

const mine = (page: Page, text: string) => page.locator('#orders tr', { hasText: text });
const bid = (page: Page, price: string) => page.locator('#bids tr', { hasText: price });
const ask = (page: Page, price: string) => page.locator('#asks tr', { hasText: price });
const trade = (page: Page, price: string) => page.locator('#tape tr', { hasText: price });

it(
  'the exchange: two people trade, and see what is open and what was traded',
  { skip },
  async () => {
    const [{ context: annes, page: anne }, { context: bobs, page: bob }] = [
      await trader('anne'),
      await trader('bob'),
    ];
    await order(anne, 'Sell', 10, '100.50');
    await mine(anne, 'Sell 10 RNDO').getByText('open').waitFor();
    await ask(bob, '100.50').waitFor();
    await order(bob, 'Buy', 4, '101.00');
    await mine(bob, 'Buy 4 RNDO').getByText('filled').waitFor();
    await mine(anne, '4 of 10').waitFor();
    for (const page of [anne, bob]) await trade(page, '100.50').waitFor();
    await ask(bob, '100.50').getByRole('cell', { name: '6', exact: true }).waitFor();

    await order(bob, 'Buy', 7, '99.25');
    await bid(anne, '99.25').waitFor();
    await mine(bob, 'Buy 7 RNDO').getByRole('button', { name: 'Cancel' }).click();
    await bid(anne, '99.25').waitFor({ state: 'detached' });
    await mine(bob, 'Buy 7 RNDO').getByText('canceled').waitFor();

    // Another symbol has another book.
    await bob.getByRole('button', { name: 'WAVE' }).click();
    await bob.getByRole('heading', { name: 'Book of WAVE' }).waitFor();
    assert.equal(await bob.locator('#asks tr').count(), 0);
    await annes.close();
    await bobs.close();
  },
);

it('the exchange: the engine is killed, everybody is told, and goes on', { skip }, async () => {
  const [{ context: annes, page: anne }, { context: bobs, page: bob }] = [
    await trader('anne'),
    await trader('bob'),
  ];
  await mine(anne, 'Sell 10 RNDO').getByText('open').waitFor();
  for (const [quantity, price] of [12, 30, 8].map((each, i) => [each, `99.${9 - i}0`] as const)) {
    await order(bob, 'Buy', quantity, price);
  }
  for (const [quantity, price] of [9, 25, 14].map((each, i) => [each, `101.${i}0`] as const)) {
    await order(anne, 'Sell', quantity, price);
  }
  await bid(anne, '99.70').waitFor();
  await ask(bob, '101.20').waitFor();
  if (pictures !== undefined) await bob.screenshot({ path: `${pictures}/exchange.png` });

  const { gateway, supervisor } = exchange!;
  process.kill(supervisor.pid!, 'SIGSTOP');
  const { messagesReceived } = gateway.counters();
  // It cannot confirm this one, and is killed before it does.
  await order(anne, 'Sell', 3, '102.00');
  await mine(anne, 'Sell 3 RNDO').getByText('waiting').waitFor();
  // The page shows what it has sent: one that arrives when the death is known is refused.
  await until(() => gateway.counters().messagesReceived > messagesReceived, 'it has arrived');
  await supervisor.stop('SIGKILL');
  for (const page of [anne, bob]) {
    await page.getByRole('alert').getByText('The engine is down').waitFor();
    assert.ok(await page.locator('#send').isDisabled());
  }
  if (pictures !== undefined) await anne.screenshot({ path: `${pictures}/exchange-down.png` });
  supervisor.start();
  for (const page of [anne, bob]) {
    await page.getByRole('status').getByText('Exchange is open').waitFor();
  }
  await mine(anne, 'Sell 3 RNDO').getByText('open').waitFor();
  await order(bob, 'Buy', 6, '100.50');
  await mine(anne, 'Sell 10 RNDO').getByText('filled').waitFor();
  await ask(bob, '102.00').getByRole('cell', { name: '3', exact: true }).waitFor();
  await annes.close();
  await bobs.close();
});
