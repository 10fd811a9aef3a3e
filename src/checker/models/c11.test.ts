import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseLitmus, runLitmus } from '../litmus/index.ts';
import { c11PartialSC } from './c11-partial-sc.ts';
import { c11 } from './c11.ts';
import { rc11 } from './rc11.ts';

const MODELS = { rc11, c11, partial: c11PartialSC };

type Verdicts = Readonly<Record<keyof typeof MODELS, string>>;

const ORDERS = new Map([
  ['rlx', 'relaxed'],
  ['con', 'consume'],
  ['acq', 'acquire'],
  ['rel', 'release'],
  ['ar', 'acq_rel'],
  ['sc', 'seq_cst'],
]);

/** `x=1 rel`, `r0=x acq`, `r0=x`, `F sc`, `r0=x+1 ar` (fetch_add); anything else is C. */
function statement(short: string): string {
  const [, fence] = /^F (\w+)$/.exec(short) ?? [];
  if (fence !== undefined) return `atomic_thread_fence(memory_order_${ORDERS.get(fence)});`;
  const [, left, right, add, mode] = /^(\w+)=(\w+)(?:\+(\d+))?(?: (\w+))?$/.exec(short) ?? [];
  if (left === undefined || right === undefined) return `${short};`;
  const order = `memory_order_${ORDERS.get(mode ?? '')}`;
  if (left.startsWith('r')) {
    if (add !== undefined)
      return `int ${left} = atomic_fetch_add_explicit(${right}, ${add}, ${order});`;
    if (mode === undefined) return `int ${left} = *${right};`;
    return `int ${left} = atomic_load_explicit(${right}, ${order});`;
  }
  if (mode === undefined) return `*${left} = ${right};`;
  return `atomic_store_explicit(${left}, ${right}, ${order});`;
}

/** What each model says of threads (statements between semicolons) and a condition. */
function ask(threads: readonly string[], condition: string): Verdicts {
  const bodies = threads.map((text, thread) => {
    const lines = text.split(/;\s*/).map((one) => statement(one.trim()));
    return `P${thread} (atomic_int* x, atomic_int* y, int* z) {\n${lines.join('\n')}\n}`;
  });
  const test = parseLitmus(`C test\n{}\n${bodies.join('\n\n')}\n\nexists (${condition})\n`);
  const verdict = (model: keyof typeof MODELS): string => {
    const { observation, undef } = runLitmus(test, MODELS[model]);
    return undef ? `${observation}, undefined` : observation;
  };
  return { rc11: verdict('rc11'), c11: verdict('c11'), partial: verdict('partial') };
}

function all(verdict: string): Verdicts {
  return { rc11: verdict, c11: verdict, partial: verdict };
}

describe('c11 happens-before', () => {
  const read = '1:r0=1 /\\ 1:r1=0';

  it('a release that an acquire reads orders what is around them', () => {
    assert.deepEqual(ask(['y=1 rlx; x=1 rel', 'r0=x acq; r1=y rlx'], read), all('Never'));
    assert.deepEqual(ask(['y=1 rlx; x=1 rlx', 'r0=x acq; r1=y rlx'], read), all('Sometimes'));
    assert.deepEqual(ask(['y=1 rlx; x=1 rel', 'r0=x rlx; r1=y rlx'], read), all('Sometimes'));
  });

  it('fences do it for relaxed accesses beside them', () => {
    const threads = (first: string, second: string): string[] => [
      `y=1 rlx; ${first}; x=1 rlx`,
      `r0=x rlx; ${second}; r1=y rlx`,
    ];
    assert.deepEqual(ask(threads('F rel', 'F acq'), read), all('Never'));
    assert.deepEqual(ask(threads('F ar', 'F sc'), read), all('Never'));
    assert.deepEqual(ask(threads('F acq', 'F acq'), read), all('Sometimes'));
    assert.deepEqual(ask(threads('F rel', 'F rel'), read), all('Sometimes'));
  });

  it('a release sequence goes on through read-modify-writes of others', () => {
    const condition = '2:r0=2 /\\ 2:r1=0';
    const threads = ['y=1 rlx; x=1 rel', 'r0=x+1 rlx', 'r0=x acq; r1=y rlx'];
    assert.deepEqual(ask(threads, condition), all('Never'));
    assert.deepEqual(
      ask([threads[0]!, 'r0=x rlx; x=2 rlx', threads[2]!], condition),
      all('Sometimes'),
    );
  });

  it('a release sequence is broken by a store of another thread in 2011 only', () => {
    const threads = ['y=1 rlx; x=1 rel; x=3 rlx', 'x=2 rlx', 'r0=x acq; r1=y rlx; r2=x rlx'];
    assert.deepEqual(ask(threads, '2:r0=3 /\\ 2:r1=0'), {
      ...all('Sometimes'),
      rc11: 'Never',
    });
  });

  it('a consume orders what depends on it, in 2011', () => {
    const threads = (index: string): string[] => [
      'y=1 rlx; x=1 rel',
      `r0=x con; int r1 = atomic_load_explicit(y + ${index}, memory_order_relaxed);`,
    ];
    assert.deepEqual(ask(threads('(r0 ^ r0)'), read), { ...all('Never'), rc11: 'Sometimes' });
    assert.deepEqual(ask(threads('0'), read), all('Sometimes'));
  });
});

describe('c11 coherence and atomicity', () => {
  it('each location has one order of its writes', () => {
    assert.deepEqual(
      ask(['x=1 rlx; x=2 rlx', 'r0=x rlx; r1=x rlx'], '1:r0=2 /\\ 1:r1=1'),
      all('Never'),
    );
    assert.deepEqual(ask(['x=1 rlx; r0=x rlx', 'x=2 rlx'], '0:r0=2 /\\ x=1'), all('Never'));
  });

  it('nothing comes between the halves of a read-modify-write', () => {
    assert.deepEqual(ask(['r0=x+1 rlx', 'r0=x+1 rlx'], 'not (x=2)'), all('Never'));
    assert.deepEqual(ask(['r0=x+2 sc', 'x=1 rlx'], '0:r0=0 /\\ x=1'), all('Sometimes'));
    assert.deepEqual(ask(['r0=x+2 sc', 'x=1 sc'], 'x=2'), all('Never'));
  });

  it('only RC11 forbids cycles of program order and reads-from', () => {
    const threads = ['r0=x rlx; y=1 rlx', 'r0=y rlx; x=1 rlx'];
    assert.deepEqual(ask(threads, '0:r0=1 /\\ 1:r0=1'), { ...all('Sometimes'), rc11: 'Never' });
  });
});

describe('c11 values out of thin air', () => {
  const only2011 = { ...all('Sometimes'), rc11: 'Never' };

  it('two conditions may hold because of each other in 2011', () => {
    const atomic = (own: string, other: string): string =>
      `r0=${own} rlx; if (r0 == 3) atomic_store_explicit(${other}, 3, memory_order_relaxed)`;
    assert.deepEqual(ask([atomic('x', 'y'), atomic('y', 'x')], '0:r0=3 /\\ 1:r0=3'), only2011);
  });

  it('a circle of copies has any value, which has a name of its own', () => {
    const copy = (own: string, other: string): string =>
      `r0=${own} rlx; atomic_store_explicit(${other}, r0, memory_order_relaxed)`;
    assert.deepEqual(ask([copy('x', 'y'), copy('y', 'x')], 'not (0:r0=0)'), only2011);
    assert.deepEqual(ask([copy('x', 'y'), copy('y', 'x')], '0:r0=1'), all('Never'));
    const counting = copy('x', 'y').replace(', r0,', ', r0 + 1,');
    assert.deepEqual(ask([counting, copy('y', 'x')], 'not (0:r0=0)'), all('Never'));
  });
});

describe('c11 sequential consistency', () => {
  it('store buffering takes two seq_cst accesses a thread, or fences', () => {
    const read = '0:r0=0 /\\ 1:r0=0';
    assert.deepEqual(ask(['x=1 sc; r0=y sc', 'y=1 sc; r0=x sc'], read), all('Never'));
    assert.deepEqual(ask(['x=1 rel; r0=y acq', 'y=1 sc; r0=x sc'], read), all('Sometimes'));
    assert.deepEqual(
      ask(['x=1 rlx; F sc; r0=y rlx', 'y=1 rlx; F sc; r0=x rlx'], read),
      all('Never'),
    );
  });

  it('fences order reads of independent writes in RC11, not in 2011', () => {
    const threads = ['x=1 rlx', 'y=1 rlx', 'r0=x rlx; F sc; r1=y rlx', 'r0=y rlx; F sc; r1=x rlx'];
    const condition = '2:r0=1 /\\ 2:r1=0 /\\ 3:r0=1 /\\ 3:r1=0';
    assert.deepEqual(ask(threads, condition), { ...all('Sometimes'), rc11: 'Never' });
    assert.deepEqual(
      ask(['x=1 sc', 'y=1 sc', 'r0=x sc; r1=y sc', 'r0=y sc; r1=x sc'], condition),
      all('Never'),
    );
  });

  it('RC11 gives up what no compiler keeps: seq_cst beside an acquire', () => {
    const threads = ['x=1 sc', 'r0=x acq; r1=y sc', 'y=1 sc; r0=x sc'];
    assert.deepEqual(ask(threads, '1:r0=1 /\\ 1:r1=0 /\\ 2:r0=0'), {
      ...all('Never'),
      rc11: 'Sometimes',
    });
  });

  it('a later seq_cst write hides from S the one that a read should have seen', () => {
    const threads = ['x=1 rlx; x=2 sc; y=1 sc', 'y=2 sc; r0=x sc', 'x=3 sc'];
    assert.deepEqual(ask(threads, '1:r0=1 /\\ x=3 /\\ y=2'), { ...all('Never'), c11: 'Sometimes' });
    const weaker = [threads[0]!, threads[1]!, 'x=3 rlx'];
    assert.deepEqual(ask(weaker, '1:r0=1 /\\ x=3 /\\ y=2'), all('Never'));
  });
});

describe('c11 undefined behaviour', () => {
  it('plain accesses that conflict without order', () => {
    const published = ['z=1; x=1 rel', 'r0=x acq; if (r0) { int r1 = *z; }'];
    assert.deepEqual(ask(published, '1:r0=1 /\\ 1:r1=0'), all('Never'));
    const raced = ['z=1; x=1 rlx', published[1]!];
    assert.deepEqual(ask(raced, '1:r0=1 /\\ 1:r1=0'), all('Sometimes, undefined'));
    assert.deepEqual(ask(['z=1', 'z=2'], 'z=1'), all('Sometimes, undefined'));
    assert.deepEqual(ask(['r0=z', 'r0=z'], '0:r0=1'), all('Never'));
  });

  it('in 2011 a plain read gives nothing but the last write before it', () => {
    const threads = ['z=1; x=1 rlx', 'r0=x rlx; r1=z'];
    assert.deepEqual(ask(threads, '1:r1=1'), {
      ...all('Never, undefined'),
      rc11: 'Sometimes, undefined',
    });
  });

  it('operands that touch one location in no order', () => {
    const beside = 'int r0 = *z + atomic_exchange_explicit(z, 1, memory_order_relaxed)';
    assert.deepEqual(ask([beside], '0:r0=1'), { ...all('Never, undefined'), rc11: 'Never' });
    assert.deepEqual(ask(['int r0 = *z + *z'], '0:r0=1'), all('Never'));
  });
});
