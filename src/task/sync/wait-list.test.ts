import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CallingContext } from './sync.test.helper.ts';
import { Stage, Waiter, WaitList } from './wait-list.ts';

function order(list: WaitList): Waiter[] {
  const forward: Waiter[] = [];
  for (let one = list.first; one !== undefined; one = one.next) forward.push(one);
  const backward: Waiter[] = [];
  for (let one = list.last; one !== undefined; one = one.previous) backward.unshift(one);
  assert.deepEqual(backward, forward);
  assert.equal(list.length, forward.length);
  for (const one of forward) assert.equal(one.list, list);
  return forward;
}

describe('WaitList', () => {
  test('keeps the order of joining', () => {
    const list = new WaitList();
    const waiters = [new Waiter(1), new Waiter(1), new Waiter(1)];
    for (const waiter of waiters) list.push(waiter);
    assert.deepEqual(order(list), waiters);
    assert.ok(waiters.every((waiter) => waiter.stage === Stage.WAITING));
  });

  test('is what an array would be, whoever joins and leaves (property)', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 9 })), (toggles) => {
        const list = new WaitList();
        const waiters = Array.from({ length: 10 }, () => new Waiter(1));
        const model: Waiter[] = [];
        for (const index of toggles) {
          const waiter = waiters[index]!;
          if (waiter.list === undefined) {
            list.push(waiter);
            model.push(waiter);
          } else {
            list.remove(waiter);
            model.splice(model.indexOf(waiter), 1);
          }
          assert.deepEqual(order(list), model);
        }
      }),
    );
  });

  test('settleAll wakes each once, in order, after all were settled', () => {
    const list = new WaitList();
    const log: number[] = [];
    const waiters = [0, 1, 2].map((index) => {
      const waiter = new Waiter(1);
      const wake = (): void => {
        assert.ok(waiters.every(({ stage }) => stage === Stage.GRANTED));
        assert.equal(list.length, 0);
        log.push(index);
      };
      waiter.keep(new CallingContext({ wake }).waker);
      list.push(waiter);
      return waiter;
    });
    list.settleAll(Stage.GRANTED);
    assert.deepEqual(log, [0, 1, 2]);
    assert.ok(waiters.every(({ list: own }) => own === undefined));
  });

  test('settleAll leaves alone who joins while others are woken', () => {
    const list = new WaitList();
    const late = new Waiter(1);
    for (let index = 0; index < 2; index++) {
      const waiter = new Waiter(1);
      const wake = (): void => {
        if (late.list === undefined) list.push(late);
      };
      waiter.keep(new CallingContext({ wake }).waker);
      list.push(waiter);
    }
    list.settleAll(Stage.GRANTED);
    assert.deepEqual(order(list), [late]);
    assert.equal(late.stage, Stage.WAITING);
  });

  test('a waiter can leave while those before it are being woken', () => {
    const list = new WaitList();
    const log: string[] = [];
    const third = new Waiter(1);
    const first = new Waiter(1);
    first.keep(new CallingContext({ wake: () => third.detach() }).waker);
    const second = new Waiter(1);
    second.keep(new CallingContext({ wake: () => log.push('second') }).waker);
    third.keep(new CallingContext({ wake: () => log.push('third') }).waker);
    for (const waiter of [first, second, third]) list.push(waiter);
    list.settleAll(Stage.GRANTED);
    assert.deepEqual(log, ['second']);
    assert.equal(third.stage, Stage.IDLE);
  });

  test('a waker that throws keeps nobody else from being woken', () => {
    const list = new WaitList();
    const log: string[] = [];
    const first = new Waiter(1);
    first.keep(
      new CallingContext({
        wake: () => {
          throw new Error('a bad waker');
        },
      }).waker,
    );
    const second = new Waiter(1);
    second.keep(new CallingContext({ wake: () => log.push('second') }).waker);
    list.push(first);
    list.push(second);
    assert.throws(() => list.settleAll(Stage.GRANTED), /a bad waker/);
    assert.deepEqual(log, ['second']);
  });
});

describe('Waiter', () => {
  test('keep exchanges the waker only when it would wake another task', () => {
    const log: string[] = [];
    const one = new CallingContext({
      clone: () => log.push('clone'),
      drop: () => log.push('drop'),
    });
    const other = new CallingContext();
    const waiter = new Waiter(1);
    waiter.keep(one.waker);
    waiter.keep(one.waker);
    assert.deepEqual(log, ['clone']);
    waiter.keep(other.waker);
    assert.deepEqual(log, ['clone', 'drop']);
    waiter.wake();
    waiter.wake();
    assert.deepEqual([one.wakes, other.wakes], [0, 1]);
  });
});
