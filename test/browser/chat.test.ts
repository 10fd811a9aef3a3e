/** `examples/chat`, as two people in two browsers see it. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { Gateway, GatewayOptions } from '../../src/gateway/index.ts';
import { launchBrowser } from './launch.ts';

const pictures = process.env['RONDO_PICTURES'];

const example = new URL('../../../examples/chat/server.js', import.meta.url);
const { createChat } = (await import(example.href)) as {
  createChat: (options: GatewayOptions) => Gateway;
};

let browser: Browser;
let gateway: Gateway;
let url: string;

before(async () => {
  gateway = createChat({ port: 0, host: '127.0.0.1' });
  const address = await gateway.listen();
  assert.ok('port' in address);
  url = `http://127.0.0.1:${address.port}/`;
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  await gateway?.close({ deadlineMs: 0 });
});

/** Somebody with a browser of their own, on the page of the chat. */
async function visit(): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(url);
  return { context, page };
}

async function comeIn(page: Page, name: string, room: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Your name' }).fill(name);
  await page.getByRole('textbox', { name: 'Room' }).fill(room);
  await page.getByRole('button', { name: 'Come in' }).click();
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Say something' }).fill(text);
  await page.getByRole('button', { name: 'Say', exact: true }).click();
}

const line = (page: Page, text: string) => page.locator('#lines li', { hasText: text });
const person = (page: Page, name: string) => page.locator('#people li', { hasText: name });

it('the chat: people in a room see each other, what was said before and what is said', async () => {
  const { context: annes, page: anne } = await visit();
  await comeIn(anne, 'Anne', 'garden');
  await person(anne, 'Anne').waitFor();
  await say(anne, 'Is anybody here?');
  await line(anne, 'Is anybody here?').waitFor();

  const { context: bobs, page: bob } = await visit();
  await comeIn(bob, 'Bob', 'garden');
  await line(bob, 'Is anybody here?').waitFor();
  await person(bob, 'Anne').waitFor();
  await person(anne, 'Bob').waitFor();
  await say(bob, '<b>I am</b> 👋');
  await line(anne, '<b>I am</b> 👋').waitFor();
  if (pictures !== undefined) await anne.screenshot({ path: `${pictures}/chat.png` });

  // A second tab of the same person is not a second person, and its end not the person's.
  const tab = await bobs.newPage();
  await tab.goto(url);
  await comeIn(tab, 'Bob', 'garden');
  await person(tab, 'Anne').waitFor();
  await tab.close();
  await say(anne, 'Still there?');
  await line(bob, 'Still there?').waitFor();
  assert.equal(await person(anne, 'Bob').count(), 1);

  await bobs.close();
  await person(anne, 'Bob').waitFor({ state: 'detached' });
  await annes.close();
});

it('the chat: other rooms hear nothing, and an empty room is forgotten', async () => {
  const { context: carlas, page: carla } = await visit();
  await comeIn(carla, 'Carla', 'kitchen');
  await person(carla, 'Carla').waitFor();
  assert.equal(await person(carla, 'Anne').count(), 0);
  assert.equal(await carla.locator('#lines li').count(), 0);
  const rooms = (await (await fetch(`${url}rooms`)).json()) as { name: string }[];
  assert.deepEqual(rooms, [{ name: 'kitchen', people: ['Carla'] }]);
  await carlas.close();
});

it('the chat: who is not logged in, or has a name or ticket that cannot be, stays outside', async () => {
  const { context, page } = await visit();
  await comeIn(page, '###', 'garden');
  await page.getByRole('alert').getByText('This is no name').waitFor();
  const outcome = await page.evaluate(
    (address) =>
      new Promise((resolve) => {
        const socket = new WebSocket(address);
        socket.addEventListener('open', () => resolve('open'));
        socket.addEventListener('close', ({ code }) => resolve(code));
      }),
    `${url.replace('http', 'ws')}rooms/garden`,
  );
  assert.equal(outcome, 1006);
  assert.ok(gateway.counters().upgradesRefused > 0);
  await context.close();
});
