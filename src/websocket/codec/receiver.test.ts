/** What frame cases and fuzz tests do not reach: sinks that stop, memory that is not there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAILURES } from './failures.ts';
import { Opcode, writeHead, writeMaskedHead } from './frame.ts';
import { unmask } from './mask.ts';
import { MessageReceiver } from './receiver.ts';
import { ReceiverContext, type BlockSource, type MessageSink } from './receiver-context.ts';

const START = 1024;

/** Events as text; what a call answers or does can be set. */
class Recorder implements MessageSink<number> {
  readonly bytes: Uint8Array = new Uint8Array(new SharedArrayBuffer(1 << 20));
  readonly words: Int32Array = new Int32Array(this.bytes.buffer);
  readonly log: string[] = [];
  answer: () => boolean = () => true;
  held = 0;
  blocksLeft = Number.MAX_SAFE_INTEGER;
  largestBlock = 0;
  #next = 262_144;
  readonly #sizes = new Map<number, number>();

  readonly blocks: BlockSource = {
    acquire: (size) => {
      if (this.blocksLeft-- <= 0) return -1;
      this.held++;
      this.largestBlock = Math.max(this.largestBlock, size);
      const offset = this.#next;
      this.#next += size;
      this.#sizes.set(offset, size);
      return offset;
    },
    release: () => void this.held--,
    sizeOf: (offset) => this.#sizes.get(offset)!,
  };

  readonly context: ReceiverContext<number> = new ReceiverContext<number>({
    bytes: this.bytes,
    blocks: this.blocks,
    sink: this,
  });

  /** Puts masked frames one after the other at `START`; returns their length. */
  put(...frames: (readonly [opcode: number, text: string, fin?: boolean])[]): number {
    let at = START;
    for (const [opcode, text, fin = true] of frames) {
      const payload = Buffer.from(text);
      at += writeMaskedHead(this.bytes, at, opcode, fin, payload.length, 0x04030201);
      this.bytes.set(payload, at);
      unmask(this.bytes, this.words, at, payload.length, 0x04030201, 0);
      at += payload.length;
    }
    return at - START;
  }
  message(connection: number, opcode: number, offset: number, length: number): boolean {
    return this.#note(connection, `message ${opcode}`, offset, length);
  }
  ping(connection: number, offset: number, length: number): boolean {
    return this.#note(connection, 'ping', offset, length);
  }
  pong(connection: number, offset: number, length: number): boolean {
    return this.#note(connection, 'pong', offset, length);
  }
  close(connection: number, code: number, offset: number, length: number): void {
    this.#note(connection, `close ${code}`, offset, length);
  }
  fail(connection: number, failure: { reason: string }): void {
    this.log.push(`${connection} fail ${failure.reason}`);
  }
  #note(connection: number, what: string, offset: number, length: number): boolean {
    const text = Buffer.from(this.bytes.slice(offset, offset + length)).toString();
    this.log.push(`${connection} ${what} ${text}`);
    return this.answer();
  }
}

test('MessageReceiver hands a whole frame over where it lies, without a block', () => {
  const recorder = new Recorder();
  const seen: number[] = [];
  const sink: MessageSink<number> = {
    message: (_connection, _opcode, offset) => seen.push(offset) > 0,
    ping: (_connection, offset) => seen.push(offset) > 0,
    pong: (_connection, offset) => seen.push(offset) > 0,
    close: () => assert.fail(),
    fail: () => assert.fail(),
  };
  const length = recorder.put([Opcode.TEXT, 'héllo'], [Opcode.PING, 'p'], [Opcode.PONG, '']);
  recorder.blocksLeft = 0;
  const context = new ReceiverContext({ bytes: recorder.bytes, blocks: recorder.blocks, sink });
  assert.equal(new MessageReceiver(context, 1).receive(START, length), length);
  assert.deepEqual(seen, [START + 6, START + 18, START + 25]);
});

test('MessageReceiver pauses when the sink answers false, and goes on with the rest', () => {
  const recorder = new Recorder();
  const receiver = new MessageReceiver(recorder.context, 7);
  const length = recorder.put([Opcode.TEXT, 'a'], [Opcode.PING, 'b'], [Opcode.TEXT, 'c']);
  recorder.answer = () => false;
  assert.equal(receiver.receive(START, length), 7);
  assert.deepEqual(recorder.log, ['7 message 1 a']);
  assert.equal(receiver.receive(START + 7, length - 7), 7);
  assert.equal(receiver.receive(START + 14, length - 14), 7, 'the last event ends the piece');
  assert.deepEqual(recorder.log, ['7 message 1 a', '7 ping b', '7 message 1 c']);
  assert.equal(receiver.stopped, false);
});

test('MessageReceiver pauses behind a message that was put together', () => {
  const recorder = new Recorder();
  const receiver = new MessageReceiver(recorder.context, 7);
  const length = recorder.put([1, 'ab', false], [0, 'cd'], [1, 'e']);
  recorder.answer = () => false;
  assert.equal(receiver.receive(START, 10), 10);
  assert.equal(receiver.receive(START + 10, length - 10), 6);
  assert.equal(receiver.receive(START + 16, length - 16), 7);
  assert.deepEqual(recorder.log, ['7 message 1 abcd', '7 message 1 e']);
  assert.equal(recorder.held, 0);
});

test('MessageReceiver can be stopped by its sink', () => {
  const recorder = new Recorder();
  const receiver = new MessageReceiver(recorder.context, 7);
  recorder.answer = () => {
    receiver.stop();
    return true;
  };
  const length = recorder.put([Opcode.TEXT, 'a', false], [Opcode.PING, 'b'], [0, 'c']);
  assert.equal(receiver.receive(START, length), length);
  assert.deepEqual(recorder.log, ['7 ping b']);
  assert.equal(receiver.stopped, true);
  assert.equal(recorder.held, 0);
  assert.equal(receiver.receive(START, length), length, 'what comes later is ignored');
  assert.equal(recorder.log.length, 1);
});

test('MessageReceiver stops and gives its blocks back when the sink throws', () => {
  for (const frames of [
    [
      [1, 'ab', false],
      [0, 'cd'],
    ],
    [
      [1, 'ab', false],
      [Opcode.PING, 'p'],
    ],
    [[1, 'whole']],
  ] as const) {
    const recorder = new Recorder();
    const receiver = new MessageReceiver(recorder.context, 7);
    const boom = new Error('boom');
    recorder.answer = () => {
      throw boom;
    };
    const length = recorder.put(...frames);
    assert.throws(() => receiver.receive(START, length), boom);
    assert.equal(receiver.stopped, true);
    assert.equal(recorder.held, 0);
  }
});

test('MessageReceiver must not be fed from inside its sink', () => {
  const recorder = new Recorder();
  const receiver = new MessageReceiver(recorder.context, 7);
  recorder.answer = () => receiver.receive(START, 1) > 0;
  const length = recorder.put([Opcode.TEXT, 'a']);
  assert.throws(() => receiver.receive(START, length), { code: 'ERR_ASSERTION' });
});

test('MessageReceiver fails with 1013 when there is no block', () => {
  for (const left of [0, 1]) {
    const recorder = new Recorder();
    const receiver = new MessageReceiver(recorder.context, 7);
    recorder.blocksLeft = left;
    const length = recorder.put([1, 'x'.repeat(200), false], [0, 'y'.repeat(500)]);
    assert.equal(receiver.receive(START, length), length);
    assert.deepEqual(recorder.log, [`7 fail ${FAILURES.NO_MEMORY.reason}`]);
    assert.equal(recorder.held, 0);
  }
  assert.equal(FAILURES.NO_MEMORY.closeCode, 1013);
});

test('MessageReceiver fails with 1013 when a split control frame finds no block', () => {
  const recorder = new Recorder();
  const receiver = new MessageReceiver(recorder.context, 7);
  recorder.blocksLeft = 0;
  recorder.put([Opcode.PING, 'abc']);
  receiver.receive(START, 7);
  assert.deepEqual(recorder.log, [`7 fail ${FAILURES.NO_MEMORY.reason}`]);
});

test('MessageReceiver takes memory for what has arrived, not for what is announced', () => {
  const recorder = new Recorder();
  const receiver = new MessageReceiver(recorder.context, 7);
  writeMaskedHead(recorder.bytes, START, Opcode.BINARY, true, 1_000_000, 1);
  receiver.receive(START, 14);
  assert.equal(recorder.held, 0);
  receiver.receive(START, 1000);
  assert.equal(recorder.largestBlock, 2000);
  receiver.stop();
  assert.equal(recorder.held, 0);
});

test('MessageReceiver takes a block of just the message where its size is known', () => {
  const recorder = new Recorder();
  const receiver = new MessageReceiver(recorder.context, 7);
  const length = recorder.put([Opcode.TEXT, 'x'.repeat(300)]);
  receiver.receive(START, 20);
  assert.equal(recorder.largestBlock, 300);
  receiver.receive(START + 20, 230);
  receiver.receive(START + 250, length - 250);
  assert.deepEqual(recorder.log, [`7 message 1 ${'x'.repeat(300)}`]);
  assert.equal(recorder.held, 0);
});

test('MessageReceiver takes the block of a message up to 64 KiB at once', () => {
  for (const [size, first] of [
    [65_536, 65_536],
    [65_537, 256],
  ] as const) {
    const recorder = new Recorder();
    const receiver = new MessageReceiver(recorder.context, 7);
    const head = writeMaskedHead(recorder.bytes, START, Opcode.BINARY, true, size, 1);
    receiver.receive(START, head + 1);
    assert.equal(recorder.largestBlock, first);
    receiver.stop();
  }
});

test('MessageReceiver keeps connections of one context apart', () => {
  const recorder = new Recorder();
  const receivers = [1, 2, 3].map((id) => new MessageReceiver(recorder.context, id));
  const length = recorder.put([1, 'ab', false], [Opcode.PING, 'pp'], [0, 'cd']);
  const stream = recorder.bytes.slice(START, START + length);
  for (const byte of stream) {
    for (const receiver of receivers) {
      recorder.bytes[START] = byte;
      receiver.receive(START, 1);
    }
  }
  assert.deepEqual(recorder.log, [
    '1 ping pp',
    '2 ping pp',
    '3 ping pp',
    '1 message 1 abcd',
    '2 message 1 abcd',
    '3 message 1 abcd',
  ]);
  assert.equal(recorder.held, 0);
});

test('MessageReceiver keeps heads of 14 bytes apart that arrive in turns', () => {
  const recorder = new Recorder();
  const connections = [1, 2, 3].map((id) => {
    const length = recorder.put([Opcode.TEXT, String(id).repeat(65_536 + id)]);
    const stream = recorder.bytes.slice(START, START + length);
    return { stream, receiver: new MessageReceiver(recorder.context, id) };
  });
  for (let at = 0; at < 14; at++) {
    for (const { stream, receiver } of connections) {
      recorder.bytes[START] = stream[at]!;
      receiver.receive(START, 1);
    }
  }
  for (const { stream, receiver } of connections) {
    recorder.bytes.set(stream.subarray(14), START);
    receiver.receive(START, stream.length - 14);
  }
  assert.deepEqual(
    recorder.log,
    [1, 2, 3].map((id) => `${id} message 1 ${String(id).repeat(65_536 + id)}`),
  );
});

test('MessageReceiver leaves nothing behind for the next connection when it fails', () => {
  const beginnings: [opcode: number, text: string, cut: number][] = [
    [Opcode.TEXT, '\u00e9', 7],
    [Opcode.TEXT, 'text', 3],
    [Opcode.TEXT, 'text', 8],
    [Opcode.PONG, 'text', 8],
  ];
  for (const [opcode, text, cut] of beginnings) {
    const recorder = new Recorder();
    const first = new MessageReceiver(recorder.context, 1);
    recorder.put([opcode, text]);
    first.receive(START, cut);
    first.stop();
    const second = new MessageReceiver(recorder.context, 2);
    const length = recorder.put([1, 'good', false], [Opcode.PING, 'pi'], [0, ' text']);
    for (let at = 0; at < length; at++) second.receive(START + at, 1);
    assert.deepEqual(recorder.log, ['2 ping pi', '2 message 1 good text']);
    assert.equal(recorder.held, 0);
  }
});

test('MessageReceiver borrows nothing while no frame or message is open', () => {
  const recorder = new Recorder();
  const { context } = recorder;
  let returned = 0;
  context.returnUnfinished = () => void returned++;
  const receiver = new MessageReceiver(context, 1);
  const length = recorder.put([1, 'ab', false], [0, 'cd'], [1, 'e']);
  receiver.receive(START, length);
  assert.equal(returned, 1);
  recorder.put([1, 'ab', false]);
  receiver.receive(START, 3);
  receiver.receive(START + 3, 5);
  assert.equal(returned, 1, 'the message is open');
  recorder.put([0, 'cd']);
  receiver.receive(START, 8);
  assert.equal(returned, 2);
});

test('MessageReceiver reads unmasked frames as a client', () => {
  const recorder = new Recorder();
  const { bytes, blocks } = recorder;
  const context = new ReceiverContext({ bytes, blocks, sink: recorder, role: 'client' });
  const receiver = new MessageReceiver(context, 7);
  const size = writeHead(bytes, START, Opcode.TEXT, true, 2);
  bytes.set(Buffer.from('é'), START + size);
  receiver.receive(START, size + 2);
  bytes[START + size] = 0xff;
  receiver.receive(START, size + 2);
  assert.deepEqual(recorder.log, ['7 message 1 é', `7 fail ${FAILURES.TEXT_NOT_UTF8.reason}`]);
});

test('ReceiverContext checks its options', () => {
  const { bytes, blocks, context } = new Recorder();
  const { sink } = context;
  const make = (options: object) => () => new ReceiverContext({ bytes, blocks, sink, ...options });
  assert.throws(make({ maxMesageSize: 1 }), { code: 'ERR_OPTION_UNKNOWN' });
  assert.throws(make({ maxMessageSize: -1 }), { code: 'ERR_OPTION_RANGE' });
  assert.throws(make({ maxFrameSize: 2 ** 32 }), { code: 'ERR_OPTION_RANGE' });
  assert.throws(make({ role: 'proxy' }), { code: 'ERR_OPTION_TYPE' });
  assert.throws(make({ bytes: new Uint8Array(bytes.buffer, 2) }), { code: 'ERR_OPTION_TYPE' });
  assert.equal(context.maxMessageSize, 1 << 20);
  assert.equal(context.maxFrameSize, 1 << 20);
});
