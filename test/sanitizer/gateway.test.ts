/** Misuse of what handlers of a gateway and readers of a runtime are given. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Message, RetainedMessage } from '../../src/gateway/index.ts';
import { Runtime } from '../../src/runtime/index.ts';
import { Client, Opcode } from '../gateway/client.ts';
import { onEveryDriver } from '../gateway/fixture.ts';
import { catches, listen, takeReports } from './caught.ts';

listen();

const over = {
  code: 'ERR_VIEW_RELEASED',
  message: /^Cannot read a view of the message of 5 bytes: the message is over/,
  sites: [
    [/the message of 5 bytes was made/, /keepIt/],
    [/that ended/, /Handling/],
    [/it was used/, /gateway\.test/],
  ],
} as const;

onEveryDriver('views of messages', (fixture) => {
  it('are over when the handler has returned', async () => {
    const views: Uint8Array[] = [];
    const keepIt = (message: Message): void => void views.push(message.view());
    const { gateway, address } = await fixture.start({}, (starting) => {
      starting.websocket('/keep', {
        message(connection, message) {
          keepIt(message);
          assert.equal(Buffer.from(views.at(-1)!).toString(), 'hello');
          connection.send(message);
        },
      });
    });
    const client = await Client.open(address, '/keep');
    for (let count = 0; count < 2; count++) {
      client.send(Opcode.TEXT, 'hello');
      assert.equal(await client.text(), 'hello');
    }
    for (const view of views) catches(() => view[0], over);
    await client.close();
    await gateway.close();
    assert.equal(gateway.counters().handlerErrors, 0);
  });

  it('last as long as what is retained', async () => {
    let retained: RetainedMessage | undefined;
    const { gateway, address } = await fixture.start({}, (starting) => {
      starting.websocket('/retain', {
        message(connection, message) {
          retained = message.retain();
          connection.send(message);
        },
      });
    });
    const client = await Client.open(address, '/retain');
    const text = 'x'.repeat(100_000);
    client.send(Opcode.TEXT, text);
    assert.equal(await client.text(), text);
    const view = retained!.view();
    assert.equal(view[99_999], 'x'.charCodeAt(0));
    retained!.release();
    assert.throws(() => view[0], { code: 'ERR_VIEW_RELEASED' });
    assert.equal(takeReports().length, 1);
    await client.close();
    await gateway.close();
  });
});

describe('views of chunks', () => {
  it('are over when the chunk is released, and not when another on the same bytes is', async () => {
    const runtime = new Runtime();
    const { buffers } = runtime.reactor;
    const chunk = buffers.acquire(100)!;
    const view = chunk.view().fill(1);
    const other = chunk.share();
    other.release();
    assert.equal(view[99], 1);
    const shared = chunk.share();
    chunk.release();
    catches(() => view[0], {
      code: 'ERR_VIEW_RELEASED',
      message: /^Cannot read a view of the chunk of 100 bytes: the chunk was released$/,
      sites: [
        [/the chunk of 100 bytes was made/, /Buffers\.acquire/],
        [/that ended/, /gateway\.test/],
        [/it was used/, /gateway\.test/],
      ],
    });
    assert.equal(shared.view()[99], 1);
    shared.release();
    await runtime.close();
  });
});
