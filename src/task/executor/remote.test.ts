import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Arena } from '../../memory/index.ts';
import { resolveInboxOptions } from './inbox.ts';
import type { RemoteDoor } from './remote-door.ts';
import { postToInbox, wakeRemote } from './remote-waker.ts';
import { Remote } from './remote.ts';

class Ground {
  readonly arena = Arena.create({ size: 1024 * 1024 });
  readonly reported: unknown[] = [];
  /** Listening is what keeps the process alive. */
  listening = 0;
  turns = 0;
  readonly remote: Remote;
  #listener: (() => void) | undefined;

  constructor(slots: number = 4) {
    const doorbell = { word: this.arena.allocate('doorbell', 4).offset, descriptor: -1 };
    const door: RemoteDoor = {
      arena: this.arena,
      doorbell,
      listen: (listener) => {
        this.listening += 1;
        this.#listener = listener;
        return () => {
          this.listening -= 1;
        };
      },
    };
    this.remote = new Remote({
      door,
      options: resolveInboxOptions({ slots, messages: 4 }),
      rung: () => {
        this.turns += 1;
        this.remote.drain();
      },
      report: (error) => this.reported.push(error),
    });
  }

  ring(): void {
    this.#listener?.();
  }

  post(kind: number, argument: number): string {
    return postToInbox(this.arena, this.remote.address, kind, argument);
  }
}

const target = (): { woken: number; wokenRemotely: () => void } => ({
  woken: 0,
  wokenRemotely() {
    this.woken += 1;
  },
});

test('Remote listens while there is a waker or a listener, and not otherwise', () => {
  const ground = new Ground();
  assert.equal(ground.listening, 0);
  const [a, b] = [ground.remote.register(target()), ground.remote.register(target())];
  assert.equal(ground.listening, 1);
  ground.remote.release(a);
  const end = ground.remote.onMessage(1, () => undefined);
  ground.remote.release(b);
  assert.equal(ground.listening, 1);
  end();
  end();
  assert.equal(ground.listening, 0);
  ground.remote.register(target());
  assert.equal(ground.listening, 1);
});

test('Remote wakes in the turn that a ring brings', () => {
  const ground = new Ground();
  const task = target();
  const waker = ground.remote.register(task);
  wakeRemote(ground.arena, waker);
  assert.equal(task.woken, 0);
  ground.ring();
  assert.deepEqual([task.woken, ground.turns], [1, 1]);
});

test('Remote refuses more wakers than it may have', () => {
  const ground = new Ground(2);
  const first = ground.remote.register(target());
  ground.remote.register(target());
  assert.throws(() => ground.remote.register(target()), { code: 'ERR_REMOTE_LIMIT' });
  ground.remote.release(first);
  ground.remote.register(target());
});

test('Remote gives messages to the listener of their kind, and drops the others', () => {
  const ground = new Ground();
  const received: number[] = [];
  const end = ground.remote.onMessage(3, (argument) => received.push(argument));
  ground.post(3, 10);
  ground.post(2, 11);
  ground.post(3, 12);
  assert.equal(ground.remote.drain(), 3);
  end();
  ground.post(3, 13);
  ground.remote.drain();
  assert.deepEqual(received, [10, 12]);
});

test('Remote reports what a listener throws, and goes on', () => {
  const ground = new Ground();
  const error = new Error('from the listener');
  ground.remote.onMessage(0, (argument) => {
    if (argument === 1) throw error;
  });
  const task = target();
  wakeRemote(ground.arena, ground.remote.register(task));
  ground.post(0, 1);
  ground.post(0, 2);
  assert.equal(ground.remote.drain(), 3);
  assert.deepEqual(ground.reported, [error]);
  assert.equal(task.woken, 1);
});

test('Remote that was closed listens to nothing and takes nothing', () => {
  const ground = new Ground();
  const received: number[] = [];
  ground.remote.onMessage(0, (argument) => received.push(argument));
  const task = target();
  const waker = ground.remote.register(task);
  ground.post(0, 1);
  ground.remote.close();
  assert.equal(ground.listening, 0);
  assert.deepEqual(received, [1], 'what was posted before is handed out');
  assert.equal(ground.post(0, 2), 'closed');
  wakeRemote(ground.arena, waker);
  ground.remote.drain();
  ground.remote.release(waker);
  assert.deepEqual([task.woken, received.length, ground.listening], [0, 1, 0]);
});
