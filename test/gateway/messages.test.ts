import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Client, closePayload, frame, Opcode, type FrameOptions } from './client.ts';
import { onEveryDriver, untilNothingIsHeld } from './fixture.ts';

const { TEXT, BINARY, CONTINUATION, PING, PONG, CLOSE } = Opcode;

/** A repeatable payload that differs from place to place. */
function payload(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 7 + (i >> 8)) & 0xff;
  return bytes;
}

const raw = (opcode: number, data: string | Uint8Array = '', options: FrameOptions = {}): Buffer =>
  frame(opcode, data, options);
const euro = Buffer.from('€');

/** What a peer does wrong, the bytes, and the close code that it gets. */
const WRONG: readonly (readonly [what: string, bytes: Buffer, code: number])[] = [
  ['reserved bit 1', raw(TEXT, 'x', { reserved: 4 }), 1002],
  ['reserved bit 2', raw(TEXT, 'x', { reserved: 2 }), 1002],
  ['reserved bit 3', raw(PING, 'x', { reserved: 1 }), 1002],
  ['opcode 3', raw(3, 'x'), 1002],
  ['opcode 7', raw(7), 1002],
  ['opcode 11', raw(11), 1002],
  ['opcode 15', raw(15, 'x'), 1002],
  ['no mask', raw(TEXT, 'x', { masked: false }), 1002],
  ['a fragmented ping', raw(PING, 'x', { fin: false }), 1002],
  ['a fragmented close', raw(CLOSE, '', { fin: false }), 1002],
  ['a ping of 126 bytes', raw(PING, payload(126)), 1002],
  ['a continuation of nothing', raw(CONTINUATION, 'x'), 1002],
  ['a message inside another', Buffer.concat([raw(TEXT, 'a', { fin: false }), raw(TEXT)]), 1002],
  ['5 bytes of length in 16 bits', raw(TEXT, 'hello', { lengthBytes: 2 }), 1002],
  ['200 bytes of length in 64 bits', raw(BINARY, payload(200), { lengthBytes: 8 }), 1002],
  ['a close of one byte', raw(CLOSE, 'x'), 1002],
  ['close code 999', raw(CLOSE, closePayload(999)), 1002],
  ['close code 1004', raw(CLOSE, closePayload(1004)), 1002],
  ['close code 1005', raw(CLOSE, closePayload(1005)), 1002],
  ['close code 1006', raw(CLOSE, closePayload(1006)), 1002],
  ['close code 2999', raw(CLOSE, closePayload(2999)), 1002],
  ['close code 5000', raw(CLOSE, closePayload(5000)), 1002],
  ['a close reason that is no UTF-8', raw(CLOSE, closePayload(1000, [0xff] as never)), 1007],
  ['text that is no UTF-8', raw(TEXT, Buffer.from([0xce, 0xba, 0xff])), 1007],
  ['text that ends inside a character', raw(TEXT, euro.subarray(0, 2)), 1007],
  ['a surrogate', raw(TEXT, Buffer.from([0xed, 0xa0, 0x80])), 1007],
  ['a fragment of text that is no UTF-8', raw(TEXT, Buffer.from([0xc0]), { fin: false }), 1007],
  ['a frame above its limit', raw(BINARY, payload(70_000)), 1009],
  [
    'a message above its limit',
    Buffer.concat([
      raw(BINARY, payload(60_000), { fin: false }),
      raw(CONTINUATION, payload(60_000)),
    ]),
    1009,
  ],
];

onEveryDriver('messages', (fixture) => {
  it('come back as they are, of every form of length', async () => {
    const { gateway, address } = await fixture.start();
    const client = await Client.open(address);
    let bytes = 0;
    const sizes = [0, 1, 32, 125, 126, 127, 4000, 16_370, 16_384, 65_535, 65_536, 1_048_576];
    for (const size of sizes) {
      client.send(BINARY, payload(size));
      const { fin, opcode, payload: back } = await client.frame();
      assert.deepEqual([fin, opcode], [true, BINARY]);
      assert.ok(back.equals(payload(size)), `${size} bytes`);
      bytes += size;
    }
    client.send(TEXT, 'zwölf Boxkämpfer 🥊');
    assert.equal(await client.text(), 'zwölf Boxkämpfer 🥊');
    await client.close();
    await untilNothingIsHeld(gateway);
    const counters = gateway.counters();
    assert.equal(counters.messagesReceived, sizes.length + 1);
    assert.equal(counters.messagesSent, sizes.length + 1);
    assert.equal(counters.bytesSent - Buffer.byteLength('zwölf Boxkämpfer 🥊'), bytes);
  });

  it('are put together from fragments, with control frames between them', async () => {
    const { gateway, address } = await fixture.start();
    const client = await Client.open(address);
    client.write(
      Buffer.concat([
        raw(TEXT, euro.subarray(0, 1), { fin: false }),
        raw(PING, 'first'),
        raw(CONTINUATION, euro.subarray(1), { fin: false }),
        raw(CONTINUATION, '', { fin: false }),
        raw(PONG, 'nobody asked'),
        raw(PING, payload(125)),
        raw(CONTINUATION, ' 20'),
      ]),
    );
    const first = await client.frame();
    assert.deepEqual([first.opcode, first.payload.toString()], [PONG, 'first']);
    const second = await client.frame();
    assert.deepEqual([second.opcode, second.payload], [PONG, payload(125)]);
    assert.equal(await client.text(), '€ 20');
    await client.close();
    await untilNothingIsHeld(gateway);
  });

  it('come back when they are put together from empty fragments', async () => {
    const { gateway, address } = await fixture.start();
    const client = await Client.open(address);
    for (const opcode of [TEXT, BINARY]) {
      client.write(
        Buffer.concat([
          raw(opcode, '', { fin: false }),
          raw(CONTINUATION, '', { fin: false }),
          raw(CONTINUATION, ''),
        ]),
      );
      const back = await client.frame();
      assert.deepEqual([back.opcode, back.payload.length], [opcode, 0]);
    }
    await client.close();
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('messages in pieces', (fixture) => {
  it('come back when they arrive byte by byte', async () => {
    const { address } = await fixture.start();
    const client = await Client.open(address);
    const bytes = Buffer.concat([
      raw(TEXT, 'Grüße', { fin: false }),
      raw(PING, '?'),
      raw(CONTINUATION, ' und Küsse'),
    ]);
    for (const byte of bytes) {
      client.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal((await client.frame()).opcode, PONG);
    assert.equal(await client.text(), 'Grüße und Küsse');
    await client.close();
  });

  it('come back in order when many are in flight', async () => {
    const { gateway, address } = await fixture.start();
    const client = await Client.open(address);
    const count = 2000;
    for (let i = 0; i < count; i++) client.send(TEXT, `message ${i} ${'.'.repeat(i % 300)}`);
    for (let i = 0; i < count; i++) {
      assert.equal(await client.text(), `message ${i} ${'.'.repeat(i % 300)}`);
    }
    await client.close();
    await untilNothingIsHeld(gateway);
  });
});

onEveryDriver('wrong messages', (fixture) => {
  it('that are wrong close with the right code, and nothing else ends', async () => {
    const { gateway, address } = await fixture.start({
      maxMessageSize: 100_000,
      maxFrameSize: 65_536,
    });
    const bystander = await Client.open(address);
    for (const [what, bytes, code] of WRONG) {
      const client = await Client.open(address);
      client.write(bytes);
      assert.equal(await client.closeCode(), code, what);
      assert.equal(await client.over(), 'end', what);
      assert.equal(client.hasMore, false, what);
    }
    bystander.send(TEXT, 'unmoved');
    assert.equal(await bystander.text(), 'unmoved');
    await bystander.close();
    await untilNothingIsHeld(gateway);
    assert.equal(gateway.counters().protocolFailures, WRONG.length);
  });

  it('that were right before a wrong one are answered', async () => {
    const { address } = await fixture.start();
    const client = await Client.open(address);
    client.write(Buffer.concat([raw(TEXT, 'right'), raw(3, 'wrong'), raw(TEXT, 'too late')]));
    assert.equal(await client.text(), 'right');
    assert.equal(await client.closeCode(), 1002);
    assert.equal(await client.over(), 'end');
    assert.equal(client.hasMore, false);
  });
});
