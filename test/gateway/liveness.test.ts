/** Silence, long lives, and peers that are half there. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Connection, Gateway } from '../../src/gateway/index.ts';
import { Client, closePayload, frame, handshake, Opcode } from './client.ts';
import { onEveryDriver, until, untilNothingIsHeld } from './fixture.ts';

const { TEXT, BINARY, CLOSE, CONTINUATION, PING, PONG } = Opcode;

/** Adds `/note`, which notes the codes that `close` is told. */
function noting(codes: number[], sides: Connection[] = []): (gateway: Gateway) => void {
  return (gateway) => {
    gateway.websocket('/note', {
      open: (connection) => void sides.push(connection),
      close: (_, code) => void codes.push(code),
    });
  };
}

onEveryDriver('silence', (fixture) => {
  it('is answered with pings, then with 1001; who answers the pings stays', async () => {
    const codes: number[] = [];
    const options = { idleTimeoutMs: 400, closeTimeoutMs: 50 };
    const { gateway, address } = await fixture.start(options, noting(codes));
    const silent = await Client.open(address, '/note');
    const alive = await Client.open(address, '/note');
    let pings = 0;
    let over = false;
    const answering = (async () => {
      while (!over) {
        const { opcode, payload } = await alive.frame();
        assert.equal(opcode, PING);
        pings += 1;
        alive.send(PONG, payload);
      }
    })();
    const got: number[] = [];
    for (let opcode = -1; opcode !== CLOSE;) {
      const next = await silent.frame();
      opcode = next.opcode;
      got.push(opcode);
      if (opcode === CLOSE) assert.equal(next.payload.readUInt16BE(), 1001);
    }
    assert.deepEqual(got, [PING, PING, CLOSE]);
    // It says nothing to that either.
    assert.equal(await silent.over(), 'reset');
    await until(() => codes.length === 1, 'close was told');
    assert.deepEqual(codes, [1006]);
    const before = pings;
    await until(() => pings >= before + 4, 'the other one is still asked');
    assert.equal(gateway.counters().connectionsClosed, 1);
    over = true;
    await answering;
    alive.reset();
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('silence that is none', (fixture) => {
  it('is none while anything is heard: messages, pongs, and bytes of a long message', async () => {
    const { gateway, address } = await fixture.start({ idleTimeoutMs: 300, closeTimeoutMs: 50 });
    const client = await Client.open(address);
    const bystander = await Client.open(address);
    const whole = frame(BINARY, Buffer.alloc(60, 1));
    // The bystander's end tells how much time has passed.
    const bystanderOver = bystander.over();
    let isOver = false;
    void bystanderOver.then(() => (isOver = true));
    let at = 0;
    bystander.socket.on('data', () => undefined);
    while (!isOver) {
      client.write(whole.subarray(at, at + 1));
      at = (at + 1) % whole.length;
      await new Promise((resolve) => setTimeout(resolve, 5));
      assert.equal(client.socket.destroyed, false);
    }
    if (at > 0) client.write(whole.subarray(at));
    client.send(TEXT, 'still here');
    for (;;) {
      const { opcode, payload } = await client.frame();
      if (opcode === TEXT) {
        assert.equal(payload.toString(), 'still here');
        break;
      }
      assert.ok(opcode === BINARY || opcode === PING);
    }
    client.reset();
    await untilNothingIsHeld(gateway);
  });

  it('does not count while a connection is paused, and counts again after', async () => {
    const codes: number[] = [];
    const sides: Connection[] = [];
    const options = { idleTimeoutMs: 200, closeTimeoutMs: 50 };
    const { gateway, address } = await fixture.start(options, noting(codes, sides));
    const paused = await Client.open(address, '/note');
    await until(() => sides.length === 1, 'it is open');
    sides[0]!.pause();
    for (let i = 0; i < 3; i++) {
      const silent = await Client.open(address, '/note');
      await silent.over();
    }
    assert.equal(sides[0]!.isOpen, true);
    sides[0]!.resume();
    assert.equal(await paused.over(), 'reset');
    await untilNothingIsHeld(gateway);
    assert.equal(codes.length, 4);
  });

  it('may last for ever when that is turned off', async () => {
    const off = await fixture.start({ idleTimeoutMs: 0 });
    const on = await fixture.start({ idleTimeoutMs: 100, closeTimeoutMs: 50 });
    const client = await Client.open(off.address);
    for (let i = 0; i < 3; i++) await (await Client.open(on.address)).over();
    assert.equal(client.hasMore, false);
    await client.close();
    await untilNothingIsHeld(off.gateway);
  });
});

onEveryDriver('a long life', (fixture) => {
  it('ends with 1001 at maxLifetimeMs, however busy it is', async () => {
    const codes: number[] = [];
    const { gateway, address } = await fixture.start(
      { maxLifetimeMs: 150, idleTimeoutMs: 0 },
      noting(codes),
    );
    for (let i = 0; i < 3; i++) {
      const client = await Client.open(address, '/note');
      const talk = setInterval(() => client.send(TEXT, 'busy'), 5);
      assert.equal(await client.closeCode(), 1001);
      clearInterval(talk);
      client.send(CLOSE, closePayload(1001));
      assert.equal(await client.over(), 'end');
    }
    await until(() => codes.length === 3, 'all were told');
    assert.deepEqual(codes, [1001, 1001, 1001]);
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('peers that are half there', (fixture) => {
  it('are ended: no handshake, half a request, half a message, no end', async () => {
    const options = { handshakeTimeoutMs: 60, messageTimeoutMs: 60, closeTimeoutMs: 60 };
    const { gateway, address } = await fixture.start(options);
    const mute = await Client.connect(address);
    assert.equal(await mute.over(), 'end');
    const slow = await Client.connect(address);
    slow.write(handshake('/echo').slice(0, 40));
    assert.equal((await slow.response()).status, 408);
    assert.equal(await slow.over(), 'end');
    const half = await Client.open(address);
    half.send(BINARY, Buffer.alloc(5000), { fin: false });
    assert.equal(await half.closeCode(), 1008);
    assert.equal(await half.over(), 'end');
    // It has ended its side in the middle of a message, and reads on.
    const ended = await Client.open(address);
    ended.send(BINARY, Buffer.alloc(5000), { fin: false });
    const failures = gateway.counters().protocolFailures;
    ended.socket.end();
    await ended.over();
    await untilNothingIsHeld(gateway);
    assert.equal(gateway.counters().protocolFailures, failures);
    const endless = await Client.open(address);
    endless.send(CLOSE, closePayload(1000));
    assert.equal(await endless.closeCode(), 1000);
    // It never ends its side, and goes on sending what nobody wants.
    const talk = setInterval(() => {
      if (!endless.socket.destroyed) endless.send(CONTINUATION, 'more');
    }, 2);
    await until(() => gateway.usage().connections === 0, 'it is ended');
    clearInterval(talk);
    endless.reset();
    await untilNothingIsHeld(gateway);
  });
});
