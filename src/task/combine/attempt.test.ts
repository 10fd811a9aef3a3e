import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BaseFuture, PENDING, type Poll } from '../future/index.ts';
import { oneshot } from '../sync/index.ts';
import { TestTask } from '../testing/test-task.ts';
import { shield } from './index.ts';

class Probe extends BaseFuture<number> {
  polls = 0;
  cancels = 0;
  poll(): Poll<number> {
    this.polls += 1;
    return this.polls < 2 ? PENDING : this.polls;
  }
  cancel(): void {
    this.cancels += 1;
  }
}

describe('shield', () => {
  it('does not begin what is given up before its first poll', () => {
    const probe = new Probe();
    assert.equal(new TestTask(shield(probe)).cancel(), true);
    assert.deepEqual([probe.polls, probe.cancels], [0, 1]);
  });

  it('has what has begun end by itself', () => {
    const probe = new Probe();
    const task = new TestTask(shield(probe));
    assert.equal(task.poll(), PENDING);
    assert.equal(task.cancel(), true);
    assert.deepEqual([probe.polls, probe.cancels], [2, 0]);
  });

  it('leaves what is over alone', () => {
    const { sender, receiver } = oneshot<number>();
    const task = new TestTask(shield(receiver));
    assert.equal(task.poll(), PENDING);
    sender.send(1);
    assert.equal(task.poll(), 1);
    assert.equal(task.cancel(), true);
  });
});
