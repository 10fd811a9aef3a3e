/** What only an arena in debug mode can tell: it poisons what is released, and checks for it. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Message } from '../../src/gateway/index.ts';
import { adoptArena, Arena } from '../../src/memory/index.ts';
import { Client, Opcode } from './client.ts';
import { onEveryDriver } from './fixture.ts';

const { TEXT } = Opcode;

adoptArena(Arena.create({ size: 128 << 20, debug: true }));

onEveryDriver('an arena in debug mode', (fixture) => {
  it('tells a message from the next one', async () => {
    const lengths: number[] = [];
    let kept: Message | undefined;
    const { gateway, address } = await fixture.start({}, (starting) => {
      starting.websocket('/keep', {
        message(connection, message) {
          if (kept !== undefined) {
            const before = kept;
            assert.throws(() => before.length, { code: 'ERR_LEASE_RELEASED' });
            assert.throws(() => connection.send(before), { code: 'ERR_LEASE_RELEASED' });
          }
          kept = message;
          lengths.push(message.length);
          connection.send(message);
        },
      });
    });
    const client = await Client.open(address, '/keep');
    for (const text of ['one', 'three', 'x'.repeat(20_000)]) {
      client.send(TEXT, text);
      assert.equal(await client.text(), text);
    }
    assert.deepEqual(lengths, [3, 5, 20_000]);
    await client.close();
    await gateway.close();
    assert.equal(gateway.counters().handlerErrors, 0);
  });
});
