/** Rings between processes: found by name, handed over, left by the dead. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Infer, onViewReport } from '../../src/memory/index.ts';
import { Ring } from '../../src/ring/index.ts';
import { nativeStatus } from '../../src/native/index.ts';
import { Sequence } from './sequence.test.helper.ts';

const program = fileURLToPath(new URL('./process.test.child.js', import.meta.url));
const skip = nativeStatus().available ? false : 'rings between processes need the addon';

function message(sequence: number): Infer<typeof Sequence> {
  return { producer: 0, sequence, check: sequence, text: String(sequence) };
}

/** A child that is ended, whatever happens, when the test is over. */
class Child {
  readonly process: ChildProcess;
  readonly exited: Promise<unknown>;
  #output = '';

  constructor(directory: string, name: string, role: string, count = 0) {
    const args = [program, directory, name, role, String(count)];
    this.process = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.process.stdout!.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
    this.exited = once(this.process, 'exit');
  }

  async says(what: string): Promise<void> {
    while (!this.#output.includes(`${what}\n`)) await once(this.process.stdout!, 'data');
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.exited;
  }
}

describe('Ring between processes', { skip }, () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'rondo-rings-'));
  });
  after(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  it('carries messages, and leaves no name behind', async () => {
    const ring = Ring.create(Sequence, { name: 'plain', directory, slots: 16 });
    const consumer = ring.consumer();
    const child = new Child(directory, 'plain', 'producer', 500);
    for (let sequence = 0; sequence < 500; sequence++) {
      assert.equal((await consumer.pop())?.text, String(sequence));
    }
    await child.kill();
    ring.close();
    assert.deepEqual(readdirSync(directory), []);
  });

  it('tells a consumer in the event loop that its producer was killed', async () => {
    const ring = Ring.create(Sequence, { name: 'killed', directory, slots: 16 });
    const consumer = ring.consumer();
    const child = new Child(directory, 'killed', 'producer', 3);
    await child.says('pushed');
    assert.equal(consumer.popAll().length, 3);
    const waiting = assert.rejects(consumer.ready(), { code: 'ERR_RING_PEER_DIED' });
    await child.kill();
    await waiting;
    assert.deepEqual(ring.peers.producers, []);
    const successor = new Child(directory, 'killed', 'producer', 1);
    assert.equal((await consumer.pop())?.sequence, 0);
    await successor.kill();
    ring.close();
  });

  it('tells a blocked consumer that its producer was killed', async () => {
    const ring = Ring.create(Sequence, { name: 'blocked', directory, slots: 16 });
    const consumer = ring.consumer();
    const child = new Child(directory, 'blocked', 'producer', 1);
    await child.says('pushed');
    assert.equal(consumer.popAll().length, 1);
    // It ends while this thread sleeps, and is not waited for by anyone: a zombie is dead.
    child.process.kill('SIGKILL');
    assert.throws(() => consumer.waitBlocking(), { code: 'ERR_RING_PEER_DIED' });
    await child.exited;
    ring.close();
  });

  it('does not take a stopped producer for a dead one', async () => {
    const ring = Ring.create(Sequence, { name: 'stopped', directory, slots: 16 });
    const consumer = ring.consumer();
    const child = new Child(directory, 'stopped', 'producer', 1);
    await child.says('pushed');
    consumer.popAll();
    child.process.kill('SIGSTOP');
    assert.equal(consumer.waitBlocking(200), 'timeout');
    assert.equal(ring.peers.producers[0]?.alive, true);
    assert.throws(() => ring.producer(), {
      code: 'ERR_RING_ROLE_TAKEN',
      message: /child producer/,
    });
    await child.kill();
    ring.producer().detach();
    ring.close();
  });

  it('shows what was published before a death, and nothing else', async () => {
    const ring = Ring.create(Sequence, { name: 'torn', directory, slots: 16 });
    const consumer = ring.consumer();
    const child = new Child(directory, 'torn', 'unpublished');
    await child.exited;
    assert.deepEqual(
      consumer.popAll().map(({ text }) => text),
      ['shown'],
    );
    const producer = ring.producer();
    producer.tryPush(message(9));
    assert.equal(consumer.tryPop()?.sequence, 9);
    ring.close();
  });

  it('gives again what a dead consumer had read and not released', async () => {
    const ring = Ring.create(Sequence, { name: 'again', directory, slots: 16 });
    const producer = ring.producer();
    for (let sequence = 0; sequence < 5; sequence++) producer.tryPush(message(sequence));
    const child = new Child(directory, 'again', 'consumer', 2);
    await child.says('taken');
    await child.kill();
    assert.deepEqual(
      ring
        .consumer()
        .popAll()
        .map(({ sequence }) => sequence),
      [2, 3, 4],
    );
    ring.close();
  });

  it('refuses a second ring of the name while the first lives, and not afterwards', () => {
    const ring = Ring.create(Sequence, { name: 'once', directory });
    assert.throws(() => Ring.create(Sequence, { name: 'once', directory }), {
      code: 'ERR_RING_EXISTS',
    });
    ring.close();
    assert.throws(() => Ring.open(Sequence, 'once', { directory }), { code: 'ERR_RING_NOT_FOUND' });
    Ring.create(Sequence, { name: 'once', directory }).close();
  });

  it('is opened by whoever is second, and made by whoever is first', () => {
    const first = Ring.openOrCreate(Sequence, 'either', { directory, slots: 2 });
    const second = Ring.openOrCreate(Sequence, 'either', { directory, slots: 8 });
    assert.equal(second.shape.slots, 2);
    first.producer().tryPush(message(7));
    assert.equal(second.consumer().tryPop()?.sequence, 7);
    first.close();
    second.close();
    assert.deepEqual(readdirSync(directory), []);
  });

  it('says what is wrong with a descriptor', () => {
    const code = 'ERR_RING_SEGMENT';
    assert.throws(() => Ring.openDescriptor(Sequence, 999), { code, message: /not open/ });
    assert.throws(() => Ring.openDescriptor(Sequence, 1), { code });
  });

  it('hands an unnamed ring to a child as a descriptor', async () => {
    const ring = Ring.create(Sequence, { between: 'processes' });
    const producer = ring.producer();
    const source = `
      import { Ring } from ${JSON.stringify(new URL('../../src/ring/index.js', import.meta.url))};
      import { Sequence } from ${JSON.stringify(new URL('./sequence.test.helper.js', import.meta.url))};
      const ring = Ring.openDescriptor(Sequence, 3);
      for await (const { text } of ring.consumer()) console.log(text);
      ring.close();`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', source], {
      stdio: ['ignore', 'pipe', 'inherit', ring.descriptor],
    });
    let output = '';
    child.stdout!.on('data', (data: Buffer) => (output += data.toString()));
    for (const text of ['one', 'two']) producer.tryPush({ ...message(1), text });
    producer.close();
    await once(child, 'close');
    assert.equal(output, 'one\ntwo\n');
    ring.close();
  });

  const reported = onViewReport(undefined) && 'the sanitizer reports it';
  it('does not crash when views are used after the memory is gone', { skip: reported }, () => {
    const ring = Ring.create(Sequence, { name: 'gone', directory });
    const producer = ring.producer();
    const slot = producer.claim()!;
    slot.sequence = 5;
    ring.close();
    assert.equal(slot.sequence, 0);
    slot.sequence = 6;
    assert.throws(() => producer.commit(), { code: 'ERR_RING_CLAIM' });
  });
});
