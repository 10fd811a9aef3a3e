/** A client that sends much at once does not keep the others waiting. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Connection } from '../../src/gateway/index.ts';
import { Client, frame, handshake, Opcode } from './client.ts';
import { onEveryDriver, until, untilNothingIsHeld } from './fixture.ts';

const FRAMES = 5000;

onEveryDriver('shares of a turn', (fixture) => {
  const floods: readonly (readonly [string, () => Buffer])[] = [
    ['messages', () => frame(Opcode.BINARY, '!')],
    ['pings', () => frame(Opcode.PING, '!')],
    ['fragments', () => frame(Opcode.CONTINUATION, '!', { fin: false })],
  ];
  for (const [kind, tiny] of floods) {
    it(`lets other work in between thousands of tiny ${kind}`, async () => {
      const turns: number[] = [];
      let flooding: Connection | undefined;
      const { gateway, address } = await fixture.start({}, (made) => {
        made.websocket('/flood', {
          open(connection) {
            flooding = connection;
            connection.pause();
          },
          message(_, message) {
            if (message.length !== 1) turns.push(-1);
          },
        });
      });
      const client = await Client.open(address, '/flood');
      await until(() => flooding !== undefined, 'it is open');
      const first = frame(kind === 'fragments' ? Opcode.TEXT : Opcode.BINARY, 'begin', {
        fin: kind !== 'fragments',
      });
      const last = frame(kind === 'fragments' ? Opcode.CONTINUATION : Opcode.BINARY, 'the end');
      const flood = Buffer.concat([first, ...Array.from({ length: FRAMES }, tiny), last]);
      let written = false;
      client.socket.write(flood, () => (written = true));
      await until(() => written, 'the flood is on its way');
      let passes = 0;
      let isOver = false;
      const count = (): void => {
        passes += 1;
        if (!isOver) setImmediate(count);
      };
      flooding!.resume();
      count();
      await until(() => turns.length >= (kind === 'fragments' ? 1 : 2), 'the end has come');
      isOver = true;
      // Each turn takes 512 frames at most.
      assert.ok(passes >= Math.floor(FRAMES / 512), `there were ${passes} turns`);
      client.socket.destroy();
      await untilNothingIsHeld(gateway);
    });
  }
});

onEveryDriver('shares of a turn, in order', (fixture) => {
  it('keeps the order of what it puts off, and a close behind it', async () => {
    const seen: number[] = [];
    let closed = 0;
    const { gateway, address } = await fixture.start({}, (made) => {
      made.websocket('/order', {
        message(_, message) {
          seen.push(Number(message.text()));
        },
        close(_, code) {
          closed = code;
        },
      });
    });
    const client = await Client.connect(address);
    const frames = Array.from({ length: FRAMES }, (_, i) => frame(Opcode.TEXT, String(i)));
    const end = frame(Opcode.CLOSE, Buffer.from([0x0f, 0xa0]));
    client.write(Buffer.concat([Buffer.from(handshake('/order')), ...frames, end]));
    await client.response();
    assert.equal(await client.closeCode(), 4000);
    assert.deepEqual(
      seen,
      Array.from({ length: FRAMES }, (_, i) => i),
    );
    assert.equal(closed, 4000);
    client.socket.end();
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('the end of a flood', (fixture) => {
  it('stops taking what a refused client goes on sending', async () => {
    const { gateway, address } = await fixture.start({ closeTimeoutMs: 300 });
    const client = await Client.open(address);
    client.socket.pause();
    const before = gateway.counters();
    client.write(frame(Opcode.TEXT, Buffer.from([0xff])));
    const block = Buffer.alloc(64 * 1024);
    let over = false;
    client.socket.on('close', () => (over = true));
    const pour = (): void => {
      if (!over) client.socket.write(block, () => setImmediate(pour));
    };
    pour();
    await until(() => over || gateway.usage().connections === 0, 'it was ended');
    assert.equal(gateway.counters().protocolFailures - before.protocolFailures, 1);
    client.socket.destroy();
    await untilNothingIsHeld(gateway);
  });
});
