import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PENDING } from '../future/index.ts';
import { RwLock } from './rw-lock.ts';
import { checkBudget, drop, pending, ready, settled, throwsCode } from './sync.test.helper.ts';

describe('RwLock', () => {
  test('reads shared', () => {
    const lock = new RwLock(100);
    const first = ready(lock.read());
    const second = ready(lock.read());
    assert.deepEqual([first.value, second.value, lock.readers], [100, 100, 2]);
  });

  test('writes alone', () => {
    const lock = new RwLock(1);
    const guard = ready(lock.write());
    assert.ok(lock.isWriting);
    guard.value += 1;
    pending(lock.read());
    const writer = pending(lock.write());
    assert.equal(lock.waiters, 2);
    guard.release();
    assert.equal(lock.isWriting, false);
    assert.equal(writer.isWoken, false);
  });

  test('a writer waits for all readers (tokio: write_shared_pending, write_shared_drop)', () => {
    const lock = new RwLock(1);
    const first = ready(lock.read());
    const second = ready(lock.read());
    const writer = pending(lock.write());
    first.release();
    assert.equal(writer.isWoken, false);
    assert.equal(writer.poll(), PENDING);
    second.release();
    assert.ok(writer.isWoken);
    settled(writer).release();
  });

  test('a reader waits for the writer (tokio: read_exclusive_pending)', () => {
    const lock = new RwLock(1);
    const writer = ready(lock.write());
    const readers = [pending(lock.read()), pending(lock.read())];
    writer.value = 7;
    writer.release();
    for (const reader of readers) {
      assert.ok(reader.isWoken);
      assert.equal(settled(reader).value, 7);
    }
    assert.equal(lock.readers, 2);
  });

  test('two writers, one after the other (tokio: write_exclusive_pending)', () => {
    const lock = new RwLock(1);
    const first = ready(lock.write());
    const second = pending(lock.write());
    first.release();
    assert.ok(second.isWoken);
    settled(second);
  });

  test('holds later readers up behind a waiting writer (tokio: write_read_shared_pending)', () => {
    const lock = new RwLock('a');
    const first = ready(lock.read());
    const second = ready(lock.read());
    const writer = pending(lock.write());
    const reader = pending(lock.read());
    assert.equal(lock.tryRead(), undefined);
    first.release();
    second.release();
    assert.deepEqual([writer.isWoken, reader.isWoken], [true, false]);
    settled(writer).release();
    assert.ok(reader.isWoken);
    settled(reader);
  });

  test('a waiting writer that is given up lets them go on (write_read_shared_drop_pending)', () => {
    const lock = new RwLock('a');
    const first = ready(lock.read());
    const writer = pending(lock.write());
    const reader = pending(lock.read());
    drop(writer);
    assert.ok(reader.isWoken);
    assert.deepEqual([settled(reader).value, lock.readers], ['a', 2]);
    first.release();
  });

  test('a turn that was granted and given up goes to the next', () => {
    const lock = new RwLock('a');
    const held = ready(lock.write());
    const writer = pending(lock.write());
    const reader = pending(lock.read());
    held.release();
    drop(writer);
    assert.ok(reader.isWoken);
    settled(reader);
  });

  test('keeps to its limit of readers (tokio: exhaust_reading)', () => {
    const lock = new RwLock(0, { maxReaders: 2 });
    assert.equal(lock.maxReaders, 2);
    const guards = [ready(lock.read()), ready(lock.read())];
    const third = pending(lock.read());
    guards[0]!.release();
    assert.ok(third.isWoken);
    settled(third);
    throwsCode(() => new RwLock(0, { maxReaders: 0 }), 'ERR_OPTION_RANGE');
    throwsCode(() => new RwLock(0, { readers: 1 } as object), 'ERR_OPTION_UNKNOWN');
  });

  test('each writer sees what the one before wrote (tokio: write_order)', () => {
    const lock = new RwLock<number[]>([]);
    const held = ready(lock.write());
    const second = pending(lock.write());
    const reader = pending(lock.read());
    const third = pending(lock.write());
    held.value.push(1);
    held.release();
    const guard = settled(second);
    guard.value.push(2);
    guard.release();
    const read = settled(reader);
    assert.deepEqual(read.value, [1, 2]);
    assert.equal(third.isWoken, false);
    read.release();
    assert.ok(third.isWoken);
  });

  test('tries (tokio: try_write, try_read_try_write)', () => {
    const lock = new RwLock(1);
    const reader = lock.tryRead()!;
    assert.ok(lock.tryRead());
    assert.equal(lock.tryWrite(), undefined);
    reader.release();
    assert.equal(lock.tryWrite(), undefined, 'one still reads');
    const other = new RwLock(1);
    const writer = other.tryWrite()!;
    assert.equal(other.tryRead(), undefined);
    assert.equal(other.tryWrite(), undefined);
    writer.value = 2;
    writer.release();
    assert.equal(other.tryRead()!.value, 2);
  });

  test('takes one unit of the budget', () => {
    const lock = new RwLock(0);
    checkBudget(lock.read()).release();
    checkBudget(lock.write());
  });
});

describe('WriteGuard.downgrade', () => {
  test('goes on reading what it wrote, with the readers that wait next', () => {
    const lock = new RwLock(1);
    const writer = ready(lock.write());
    const reader = pending(lock.read());
    const next = pending(lock.write());
    writer.value = 5;
    const guard = writer.downgrade();
    assert.deepEqual([lock.isWriting, guard.value], [false, 5]);
    assert.deepEqual([reader.isWoken, next.isWoken], [true, false]);
    settled(reader).release();
    assert.equal(next.isWoken, false, 'the one that wrote still reads');
    guard.release();
    assert.ok(next.isWoken, 'nobody wrote in between');
    throwsCode(() => writer.release(), 'ERR_SYNC_RELEASED');
  });
});

describe('ReadGuard and WriteGuard', () => {
  test('are released by using, and give nothing afterwards', () => {
    const lock = new RwLock(1);
    let kept;
    {
      using guard = lock.tryRead()!;
      kept = guard;
    }
    const read = kept;
    throwsCode(() => read.value, 'ERR_SYNC_RELEASED');
    throwsCode(() => read.release(), 'ERR_SYNC_RELEASED');
    let written;
    {
      using guard = lock.tryWrite()!;
      written = guard;
    }
    const write = written;
    throwsCode(() => write.value, 'ERR_SYNC_RELEASED');
    throwsCode(() => (write.value = 1), 'ERR_SYNC_RELEASED');
    throwsCode(() => write.downgrade(), 'ERR_SYNC_RELEASED');
    write[Symbol.dispose]();
    assert.deepEqual([lock.readers, lock.isWriting], [0, false]);
  });
});
