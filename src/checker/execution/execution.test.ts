import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Tag } from '../litmus/contract.ts';
import { EMPTY, Evaluator, minus, on, union } from '../relation/index.ts';
import type { Relation } from '../relation/index.ts';
import * as base from './base.ts';
import { Execution } from './execution.ts';
import type { ExecutionEvent } from './execution.ts';

function event(kind: 'R' | 'W' | 'F', more: Partial<ExecutionEvent>): ExecutionEvent {
  return {
    kind,
    thread: 0,
    access: -1,
    location: -1,
    value: 0,
    tag: 0,
    fence: '',
    addr: 0,
    data: 0,
    ctrl: 0,
    pickAddr: 0,
    pickData: 0,
    pickCtrl: 0,
    unsequenced: 0,
    reads: -1,
    ...more,
  };
}

/** Two initial writes (0, 1); R x, mfence, W x (2, 3, 4); R y, W y as one instruction (5, 6). */
function example(): Execution {
  const execution = new Execution();
  execution.load(
    [event('W', { thread: -1, location: 0 }), event('W', { thread: -1, location: 1 })],
    [
      [
        event('R', { access: 0, location: 0, tag: Tag.ACQUIRE | Tag.SEQ_CST }),
        event('F', { fence: 'mfence', ctrl: 1 }),
        event('W', { access: 1, location: 0, data: 1, ctrl: 1 }),
      ],
      [
        event('R', { thread: 1, access: 0, location: 1, tag: Tag.ATOMIC_RMW }),
        event('W', { thread: 1, access: 1, location: 1, tag: Tag.ATOMIC_RMW, reads: 0, data: 1 }),
      ],
    ],
  );
  execution.readsFrom[0] = 1 << 2;
  execution.readsFrom[1] = 1 << 5;
  execution.coherence[0] = 1 << 4;
  execution.coherence[1] = 1 << 6;
  return execution;
}

function pairs(relation: Relation): string[] {
  const evaluator = new Evaluator([{ kind: 'empty', relation }]);
  const execution = example();
  evaluator.bind(execution);
  evaluator.holds(0);
  const found: string[] = [];
  for (let row = 0; row < execution.count; row++) {
    for (let column = 0; column < execution.count; column++) {
      if (evaluator.related(relation, row, column)) found.push(`${row}${column}`);
    }
  }
  return found;
}

describe('Execution', () => {
  it('knows program order, threads and locations', () => {
    assert.deepEqual(pairs(base.po), ['23', '24', '34', '56']);
    assert.deepEqual(pairs(base.poLoc), ['24', '56']);
    assert.deepEqual(pairs(minus(base.int, base.id)), [
      '23',
      '24',
      '32',
      '34',
      '42',
      '43',
      '56',
      '65',
    ]);
    assert.deepEqual(pairs(minus(base.loc, base.id)), [
      ...['02', '04', '15', '16', '20', '24', '40', '42', '51', '56', '61', '65'],
    ]);
    assert.equal(pairs(base.ALL).length, 49);
    assert.deepEqual(pairs(minus(base.si, base.id)), []);
  });

  it('knows dependencies and read-modify-writes', () => {
    assert.deepEqual(pairs(base.data), ['24', '56']);
    assert.deepEqual(pairs(base.ctrl), ['23', '24']);
    assert.deepEqual(pairs(base.addr), []);
    assert.deepEqual(pairs(base.amo), ['56']);
    assert.deepEqual(pairs(base.lxsx), []);
  });

  it('knows communication: initial writes are external', () => {
    assert.deepEqual(pairs(base.rfe), ['02', '15']);
    assert.deepEqual(pairs(base.rfi), []);
    assert.deepEqual(pairs(base.coe), ['04', '16']);
    assert.deepEqual(pairs(base.fri), ['24', '56']);
    assert.deepEqual(pairs(base.fre), []);
    assert.deepEqual(pairs(union(base.total, EMPTY)), []);
  });

  it('knows sets by kind, tag and name of fence', () => {
    assert.deepEqual(pairs(on(base.R)), ['22', '55']);
    assert.deepEqual(pairs(on(base.W)), ['00', '11', '44', '66']);
    assert.deepEqual(pairs(on(base.IW)), ['00', '11']);
    assert.deepEqual(pairs(on(base.fence('mfence', 'lfence'))), ['33']);
    assert.deepEqual(pairs(on(base.fence('lfence'))), []);
    assert.deepEqual(pairs(on(base.tagged(Tag.ACQUIRE | Tag.SEQ_CST))), ['22']);
    assert.deepEqual(pairs(on(base.tagged(Tag.ACQUIRE | Tag.RELEASE))), []);
  });
});
