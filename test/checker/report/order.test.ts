import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { check, type ModelName } from '../../../src/checker/index.ts';
import { type Story, storyOf } from '../../../src/checker/report/order.ts';
import { Rebuilder } from '../../../src/checker/report/rebuild.ts';
import { CASES } from './cases.ts';
import { MODELS, PROGRAM, resultOf } from './random.ts';

/** Each event has one row, those of a thread in their order, and reads stand behind writes. */
function assertLinear(story: Story): void {
  const { facts, rowOf, stale } = story;
  const last: number[] = [];
  for (const event of facts.trace.events) {
    const row = rowOf.get(event.id);
    // That the time of a wait is not up is not told.
    if (row === undefined && event.kind === 'choice') continue;
    assert.ok(row !== undefined);
    assert.ok(row >= (last[event.thread] ?? 0));
    last[event.thread] = row;
    const source = event.kind === 'read' ? rowOf.get(event.from ?? 0) : undefined;
    if (source !== undefined && !stale.has(event.id)) assert.ok(source < row);
  }
}

/** Carries the rows out: reads that are no exception find what is there. */
function assertFollows(story: Story): void {
  const { facts, rows, stale, late, commitOf } = story;
  const memory = new Map<string, unknown>(facts.trace.initial);
  const buffers = new Map<number, [string, unknown][]>();
  for (const row of rows) {
    if (row.kind === 'commit') {
      const [location, value] = buffers.get(row.write.thread)!.shift()!;
      assert.deepEqual([location, value], [row.write.location, row.write.value]);
      memory.set(location, value);
      continue;
    }
    for (const event of row.step.events) {
      const { id, kind, location, value, thread } = event;
      const buffer = buffers.get(thread) ?? [];
      buffers.set(thread, buffer);
      if (kind === 'write' && commitOf.has(id)) buffer.push([location, value]);
      else if (kind === 'write' && !late.has(id)) memory.set(location, value);
      else if (kind === 'read' && (commitOf.size > 0 || !stale.has(id))) {
        const own = buffer.findLast(([at]) => at === location);
        assert.deepEqual(value, own === undefined ? memory.get(location) : own[1]);
      }
    }
  }
}

function isBuffered(model: ModelName): boolean {
  return model === 'x86-tso' || model === 'v8-x64';
}

describe('storyOf', () => {
  test('can be followed, in random executions', () => {
    fc.assert(
      fc.property(PROGRAM, fc.constantFrom(...MODELS), fc.nat(40), (program, model, nth) => {
        const trace = resultOf(program, model, nth).failure?.trace;
        fc.pre(trace !== undefined);
        const story = storyOf(trace, isBuffered(model));
        assertLinear(story);
        assertFollows(story);
        if (model === 'sc') assert.ok(story.isInterleaving);
      }),
      { numRuns: 150 },
    );
  });

  test('can be followed, with threads that sleep, wait and join', () => {
    for (const { models, body } of CASES) {
      for (const model of models) {
        const { failure } = check({ model }, body);
        const story = storyOf(failure!.trace!, isBuffered(model));
        assertLinear(story);
        assertFollows(story);
      }
    }
  });
});

describe('Rebuilder', () => {
  test('makes a graph that the model allows, in random executions', () => {
    fc.assert(
      fc.property(PROGRAM, fc.constantFrom(...MODELS), fc.nat(40), (program, model, nth) => {
        const trace = resultOf(program, model, nth).failure?.trace;
        fc.pre(trace !== undefined);
        // Executions that were enumerated have no coherence, and may be circles.
        const isAllowed = new Rebuilder(trace, model).allows({});
        assert.ok(isAllowed ?? trace.coherence.size === 0);
      }),
      { numRuns: 150 },
    );
  });

  test('tells what a fence would have forbidden', () => {
    const { failure } = check({ model: 'x86-tso' }, CASES[0]!.body);
    const rebuilder = new Rebuilder(failure!.trace!, 'x86-tso');
    const reads = failure!.trace!.events.filter(({ kind }) => kind === 'read');
    assert.equal(rebuilder.allows({ fenced: new Set([reads[0]!.id]) }), true);
    assert.equal(rebuilder.allows({ fenced: new Set(reads.map(({ id }) => id)) }), false);
  });

  test('tells what one step would have forbidden', () => {
    const counting = CASES.find(({ name }) => name === 'counting')!;
    for (const model of counting.models) {
      const { trace } = check({ model, races: 'allow' }, counting.body).failure!;
      const fused = new Set(trace!.events.map(({ id }) => id));
      assert.equal(new Rebuilder(trace!, model).allows({ fused }), false, model);
    }
  });
});
