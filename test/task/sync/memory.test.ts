/** What nobody will receive any more is kept alive by nothing. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { broadcast, mpsc, oneshot, watch } from '../../../src/task/sync/index.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Whether all of them are garbage; what is alive during a job stays until its end. */
async function areGone(references: readonly WeakRef<object>[]): Promise<boolean> {
  for (let attempt = 0; attempt < 10; attempt++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    if (references.every((reference) => reference.deref() === undefined)) return true;
  }
  return false;
}

/** Messages, and references that do not keep them alive. */
function make(count: number, send: (message: object) => void): WeakRef<object>[] {
  return Array.from({ length: count }, () => {
    const message = { large: new Uint8Array(16) };
    send(message);
    return new WeakRef(message);
  });
}

describe('Nothing keeps', () => {
  test('messages of mpsc that were received, or whose receiver is gone', async () => {
    const { sender, receiver } = mpsc<object>(64);
    const received = make(20, (message) => assert.equal(sender.trySend(message), 'sent'));
    while (receiver.tryReceive() !== undefined);
    assert.ok(await areGone(received));
    const dropped = make(20, (message) => assert.equal(sender.trySend(message), 'sent'));
    receiver[Symbol.dispose]();
    assert.ok(await areGone(dropped));
    assert.equal(sender.isClosed, true);
  });

  test('messages of broadcast that all have, or that were replaced', async () => {
    const { sender, receiver } = broadcast<object>(8);
    const second = sender.subscribe();
    const had = make(8, (message) => assert.equal(sender.send(message), 2));
    while (receiver.tryReceive() !== undefined);
    while (second.tryReceive() !== undefined);
    assert.ok(await areGone(had));
    const replaced = make(8, (message) => assert.equal(sender.send(message), 2));
    const last = make(8, (message) => assert.equal(sender.send(message), 2));
    assert.ok(await areGone(replaced));
    receiver[Symbol.dispose]();
    second[Symbol.dispose]();
    assert.ok(await areGone(last));
    assert.equal(sender.length, 0);
  });

  test('the message of oneshot that was received, or given up', async () => {
    const taken = oneshot<object>();
    const references = make(1, (message) => assert.ok(taken.sender.send(message)));
    taken.receiver.tryReceive();
    assert.ok(await areGone(references));
    const dropped = oneshot<object>();
    const others = make(1, (message) => assert.ok(dropped.sender.send(message)));
    dropped.receiver.cancel();
    assert.ok(await areGone(others));
    assert.ok(taken.receiver.isEnded && dropped.receiver.isEnded);
  });

  test('values of watch that were replaced', async () => {
    const { sender, receiver } = watch<object>({});
    const references = make(5, (message) => assert.ok(sender.send(message)));
    sender.send({});
    assert.ok(await areGone(references));
    assert.ok(receiver.hasChanged);
  });
});
